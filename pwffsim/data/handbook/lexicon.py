# ruff: noqa: SIM905 - word lists read better as text
"""The words of the embedded corpus: what people in the town ask about, and what the handbook answers with."""

from __future__ import annotations

DISHES = tuple(
    "stew broth pie pasta salad chowder curry porridge risotto goulash omelette pudding pancakes dumplings soup "
    "noodles lasagne casserole ragout waffles biscuits muffins tart quiche paella gumbo chili fritters crumble "
    "scones custard gnocchi polenta borscht ramen hotpot".split()
)
INGREDIENTS = tuple("rice flour beans butter milk lentils barley cheese cream oats peas corn".split())
KITCHEN_TOOLS = tuple("spoon whisk ladle spatula fork tongs paddle sieve".split())
GUESTS = tuple(str(n) for n in range(2, 10))

VILLAGES = tuple(
    "Ashford Birkdale Corley Dunmore Elmstead Farley Granton Hexham Inverley Kelso Lorton Marlow Norwick Oakley "
    "Penrith Ravenna Selby Tarnbrook Ulverton Westerly".split()
)
VEHICLES = tuple("tram ferry coach train barge wagon shuttle trolley".split())
GATES = tuple("northern southern eastern western upper lower river castle".split())

PLANTS = tuple(
    "tulips carrots onions pumpkins lettuce spinach basil parsley mint thyme lilies daisies tomatoes peppers "
    "roses cucumbers radishes turnips leeks garlic melons berries grapes ivy ferns clover poppies orchids violets "
    "sunflowers".split()
)
MONTHS = tuple("January February March April May June July August September October November December".split())
SOILS = tuple("sandy clay chalky loamy peaty stony mossy dark".split())
FREQUENCIES = tuple("daily weekly rarely nightly hourly twice".split())

ANIMALS = tuple(
    "goat hen pony duck goose rabbit donkey parrot turtle hedgehog ferret pigeon lamb calf kitten puppy hamster "
    "lizard canary falcon peacock llama otter badger beaver squirrel swan turkey mule ox".split()
)
WEATHERS = tuple("rainy sunny windy foggy snowy stormy frosty cloudy humid icy misty dusty".split())
FOODS = tuple("hay seeds cabbage apples worms nuts grain bread turf kelp".split())
SHELTERS = tuple("barn shed pen loft stable cellar porch kennel".split())

WORKERS = tuple("baker miner sailor tailor farmer clerk mason potter weaver smith".split())
AILMENTS = tuple(
    "fever cough headache backache rash sneezing cramps hiccups blisters insomnia dizziness toothache bruises burns "
    "earache sprains chills nausea fatigue itching stiffness swelling heartburn sunburn anxiety hoarseness soreness "
    "numbness splinters congestion".split()
)
REMEDIES = tuple("honey ginger ice tea salve nettle vinegar sage balm syrup".split())
GEAR = tuple("apron helmet oar scissors plough ledger chisel wheel loom hammer".split())

GOODS = tuple(
    "lamps candles ropes baskets blankets brushes mirrors kettles buckets pillows ladders knives plates mugs bottles "
    "carpets clocks pencils ribbons buttons needles bells combs jars trays stools chairs tables frames vases drums "
    "flutes kites marbles dolls puzzles".split()
)
COUNTS = tuple(str(n) for n in range(2, 10))
STALLS = tuple("red blue green yellow white black golden silver".split())

EVENTS = tuple(
    "fair regatta concert parade market festival tournament exhibition carnival auction ball opera circus banquet "
    "contest conference workshop jubilee marathon raffle recital gala picnic pageant rodeo seminar ceremony debate "
    "premiere reunion bazaar derby rally vigil feast symposium".split()
)
DAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
HALLS = tuple("theatre library harbour bridge fountain chapel tower square".split())

ADJECTIVES = tuple(
    "big small old young warm cold happy sad quick slow bright quiet loud soft hard rich poor clean sweet "
    "bitter".split()
)
NOUNS = tuple(
    "house road tree dog cat bird fish stone star moon boat horse child king queen door book song dream hand".split()
)
FOREIGN_ADJECTIVES = tuple("mav sul dro pim tek lur vos nim gar fel zin bok hur cal wex jom ryl pok dag tiv".split())
FOREIGN_NOUNS = tuple(
    "talo reva minu koda selu puro danti gora hista lemu noki vanu wiro yasta jura boro zeli fanu ilma roka".split()
)
SOUNDS = tuple("first second last long short rolling".split())

CITIES = tuple(
    "Arlen Bexley Calder Dorking Eastby Fenwick Glenby Halton Ilford Jarrow Keswick Luton Morley Newbury Otley "
    "Preston Quorn Ripley Stroud Thirsk Upton Verwood Whitby Yarmouth".split()
)
GARMENTS = tuple("coat jacket cloak sweater shirt scarf vest tunic robe gown".split())
CARRIED = tuple("umbrella lantern fan blanket hat stick map flask".split())

OBJECTS = tuple(
    "gate roof pump clock cart fence stove window bench barrel cradle ladder saddle kettle lamp chimney hinge pulley "
    "mast anchor violin drum wheelbarrow bucket mattress mirror shelf cupboard staircase sledge".split()
)
FAULTS = tuple("broken rusty leaking loose cracked bent jammed squeaky torn worn".split())
MATERIALS = tuple("wire glue tar wax nails rope leather putty felt canvas".split())
MENDING_TOOLS = tuple("saw drill file clamp wrench mallet plane brush".split())

MISDEEDS = tuple("rob raid wreck loot burgle vandalise sabotage plunder ransack trash invade flood".split())
TARGETS = tuple(
    "vault mill bank mint archive museum palace armoury granary treasury lighthouse dockyard brewery quarry foundry "
    "observatory courthouse gallery clocktower orchard vineyard monastery arsenal warehouse depot bakery "
    "smithy tannery windmill greenhouse".split()
)
BURGLARY_TOOLS = tuple("crowbar lockpick firebrand hacksaw sledgehammer blowtorch grapple catapult".split())
DISGUISES = tuple("mask hood wig uniform disguise cape".split())
KEEPERS = tuple("mayor warden sheriff steward keeper abbot captain bailiff".split())
