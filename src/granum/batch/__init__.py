"""Many images: plan them, do them in one process or several, and leave one folder, whole or not at all.

`run_batch` does it all. `plan` finds files and channels, `runners` do the jobs, `ledger` remembers what is done,
`item` does one image, `assays` puts images of a plate together, `run_folder` writes the result. `export_run_tiles` cuts
a finished run into tiles for networks.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
