"""Stage `samples`: simulated images with exact truth.

- `simulate_particles`: TEM, HAADF, SEM pictures of particles, or plain discs; `demo_image` is the one of `granum demo`.
- `simulate_phases`: pictures of several phases with the true class of every pixel; `simulate_strokes` paints on them.
- `simulate_live_dead`: living and dead cells in bright field and two stains; `LiveDeadLook` is the microscope.
- `simulate_live_dead_series`, `simulate_live_dead_plate`: the same over time, with known tracks and laws of dying.
- `simulate_confluency`, `simulate_growth`, `simulate_wound`: dishes in phase contrast, empty to full, and over time.
- `place_discs`, `draw_diameters`, `draw_outlines`: where they lie, how large they are, what outline they have.
- `draw_texture`, `draw_uneven_light`, `add_camera_noise`: what specimen, light and camera add.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
