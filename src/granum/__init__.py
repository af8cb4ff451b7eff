"""granum turns micrographs into measured objects when there are few labels, or none.

The stages, in the order in which data flows:
`read` -> `preprocess` -> `segment` -> `separate` -> `measure` -> `track` -> `plate` -> `report`; `score` compares with
truth, `samples` makes images with known truth. `pipeline.run(recipe, image)` chains them.
"""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
