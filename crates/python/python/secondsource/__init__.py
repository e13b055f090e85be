"""secondsource: a digital twin of AI-training racks. This package runs NKI kernels (`secondsource.nki`)."""
