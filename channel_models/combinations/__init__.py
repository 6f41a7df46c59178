"""Which models stand together: the table of verdicts, and a sentence for each combination that does not.

Models declare traits: a rate map ``carries_loss``, ``has_snr`` and has ``efficiencies``; a loss map ``needs_snr``, is
``memoryless``, goes ``by_block`` and ``by_scheme``; fading has ``independent_blocks``; a retransmission scheme
``combines``, waits for ``feedback_s`` and has its ``attempts``; a sharing rule is ``dynamic`` and ``superposes``. The
rules are about traits, so that a model from outside the package has its verdicts too. No combination that is let
through counts a loss twice, or takes a number for something it is not.
"""

from channel_models.combinations.choice import Choice, Refusal
from channel_models.combinations.verdicts import FIDELITIES, rate_loss_table, refusals

__all__ = ["FIDELITIES", "Choice", "Refusal", "rate_loss_table", "refusals"]
