"""Stage `preprocess`: images to cleaner images.

- `find_analysed_area`, `measure_scale_bar`: info bars, scale bars and pixels without a value are left out
- `check_channels`: live and dead stains swapped, shifted, saturated
- `normalise_intensity`: percentiles onto 0..1
- `subtract_background`, `estimate_background`: rolling ball, Gaussian, top-hat
- `denoise_image`, `estimate_noise`: Gaussian, median, non-local means; how much noise there is
- `count_values`: one histogram, exact at 16 bit
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
