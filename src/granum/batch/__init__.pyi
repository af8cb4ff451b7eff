from .plan import plan_sources as plan_sources
from .runners import ProcessRunner as ProcessRunner
from .runners import SerialRunner as SerialRunner
from .runs import BatchSummary as BatchSummary
from .runs import run_batch as run_batch
from .run_tiles import export_run_tiles as export_run_tiles
