"""Everything that an attempt needs: importing this module loads it, so that a fork of the process has it."""

import pwffsim.learning.warm
import pwffsim.simulation.plan
import pwffsim.simulation.run
import pwffsim.studies.numbers  # noqa: F401
