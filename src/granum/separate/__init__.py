"""Stage `separate`: mask -> labels.

`distance` (how deep each pixel lies), `peaks` (where particles are), `components`-wise splitters over them: `watershed`,
`local_kmeans`, `local_mixture`, `local_spectral`, `convexity`, `ellipses`, and `choose`, which picks one without labels.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
