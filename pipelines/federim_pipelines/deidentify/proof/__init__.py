"""An independent check of each output: whatever identifies its patient is looked for in what was written.

Nothing here imports the cleaner or is imported by it: a mistake made on one side is not made on the other.
"""

from federim_pipelines.deidentify.proof.prover import Prover

__all__ = ["Prover"]
