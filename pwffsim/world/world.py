"""The whole world, put together and set going."""

from __future__ import annotations

from collections.abc import Callable

from pwffsim.compute.recipe import Compute, ComputeError
from pwffsim.kernel.clock import Kernel
from pwffsim.world.beginning import Beginning
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.client import Client
from pwffsim.world.coordination import COORDINATION
from pwffsim.world.coordination.pooled import pooled
from pwffsim.world.diary import Recorder
from pwffsim.world.faults import Diverged
from pwffsim.world.ledger import Ledger
from pwffsim.world.radio.access import RadioAccess
from pwffsim.world.server import Server
from pwffsim.world.stages.alignment import AlignmentStage
from pwffsim.world.stages.instruction import InstructionStage
from pwffsim.world.stages.reward import RewardStage
from pwffsim.world.stages.stage import Stage

_ORDER: dict[str, Callable[..., Stage]] = {
    "instruction": InstructionStage,
    "reward": RewardStage,
    "alignment": AlignmentStage,
}


class World:
    """Server, clients and radio on one clock.

    Args:
        blueprint: shapes and settings.
        compute: where recipes are carried out.
        recorder: where records go.
    """

    def __init__(self, blueprint: Blueprint, compute: Compute, recorder: Recorder) -> None:
        self.kernel = Kernel()
        self.ledger = Ledger(self.kernel, recorder, compute)
        self._blueprint = blueprint
        scenario = blueprint.scenario
        largest = Beginning(blueprint, compute, blueprint.largest_tier)
        self.server = Server(self.kernel, blueprint, compute, self.ledger, largest)
        report = self.server.inbox.post
        self.radio = RadioAccess(self.kernel, self.ledger, scenario, blueprint.profiles, report)
        for profile in blueprint.profiles:
            self.server.clients[profile.index] = Client(
                self.kernel,
                profile,
                blueprint,
                self.radio,
                compute,
                self.ledger,
                Beginning(blueprint, compute, blueprint.lora_modules(profile)),
            )

    def run(self) -> None:
        """Play the scenario out, then have computed what nobody had to wait for.

        What ends the world early, such as a stalled link, does so after everything that came before it is computed and
        recorded; so a divergence at an earlier instant is what is told.

        Raises:
            SimFault: when the world comes to a standstill or training diverges.
            ComputeError: when a stage of learning fails.
        """
        try:
            self._play()
        except (ComputeError, Diverged):
            raise
        except Exception:
            self.ledger.settle()
            raise
        self.ledger.settle()

    def _play(self) -> None:
        """The server's script, then whatever clients still have in hand."""
        mode = pooled if self._blueprint.method.pooled else COORDINATION[self._blueprint.scenario.aggregation.mode]
        lives = [self.kernel.process(c.participate(), c.profile.name) for c in self.server.clients.values()]
        script = self.kernel.process(self.server.preside(stages(self._blueprint), mode), "server")
        self.kernel.run(until=script)
        self.kernel.run(until=self.kernel.all_of(lives))
        self.kernel.run(until=self.kernel.all_of(self.radio.forwards))
        self.server.dismiss_leftovers()
        self._close()

    @property
    def written_ns(self) -> int:
        """Simulated time up to which everything is recorded: now, but for what still waits for what is learnt."""
        return self.ledger.written_ns

    def _close(self) -> None:
        self.server.close()
        self.radio.close()
        for client in self.server.clients.values():
            client.close()


def stages(blueprint: Blueprint) -> list[Stage]:
    """The stages that a scenario runs, in order."""
    settings = blueprint.scenario.stages
    return [make(blueprint, s) for name, make in _ORDER.items() if (s := getattr(settings, name)) is not None]
