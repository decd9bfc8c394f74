"""Engines that run training steps, all with the same result, and the choice of one."""
