"""Stage `measure`: labels (and the image) -> object table, and object table -> size statistics.

Per object: `measure_objects` fills the whole table; its parts are `measure_shape`, `measure_intensity`,
`measure_neighbours` and `flag_objects`; `judge_nuclei` tells live from dead, `judge_by_mask` as published.
Per image or sample: `size_distribution`, `fit_lognormal`, `sample_adequacy`, `border_weights`, `nanomaterial_fraction`,
`wilson_interval` (of a share), `summarise_image`, and `measure_confluency` of a mask.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
