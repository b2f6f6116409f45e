"""One level-triggered loop: observe, plan (pure), apply, write status."""
