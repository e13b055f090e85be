"""What is known of a launch after it ran: instructions, time, where it goes."""

import os

from secondsource import _native


def summary(launch, name):
    """Plain data for JSON."""
    report = _native.report()
    return {"kernel": name, "target": launch.target, "cores": launch.lnc * launch.ranks, **report}


def page(launch):
    """One launch, readable."""
    cores = f", {launch['cores']} cores" if launch["cores"] > 1 else ""
    low, high = time(launch["time_us_p5"]), time(launch["time_us_p95"])
    lines = [f"{launch['kernel']} on {launch['target']}{cores}: {time(launch['time_us'])} (90% interval {low} to {high})"]
    lines.append(f"  in the order of the source {time(launch['as_written_us'])}; no less than {time(launch['bound_us'])} ({launch['bound_by']})")
    lines.append(f"  {launch['instructions']:,} instructions, MFU {100 * launch['mfu']:.1f}%")
    for use in launch["engines"]:
        core = f"core {use['core']} " if launch["cores"] > 1 else ""
        lines.append(f"  {core + use['engine']:<14}{100 * use['busy']:5.1f}% busy {use['instructions']:>9,} instructions")
    dma = launch["dma"]
    if dma["transfers"]:
        total = dma["bytes_read"] + dma["bytes_written"] + dma["bytes_inside"]
        lines.append(f"  DMA moved {size(total)} at {dma['bytes_per_second'] / 1e9:.1f} GB/s, runs of {size(dma['mean_run_bytes'])}")
    if launch["critical_lines"]:
        lines.append("  where the time goes:")
        for use in launch["critical_lines"][:5]:
            lines.append(f"    {100 * use['share']:5.1f}%  {use['op']} on {use['engine']}  {short(use['at'])}")
    if launch["findings"]:
        lines.append("  what the hardware leaves undefined:")
        for found in launch["findings"][:10]:
            lines.append(f"    {short(found['at'])}: {found['message']}")
        if len(launch["findings"]) > 10:
            lines.append(f"    {len(launch['findings']) - 10} more (--json)")
    best = [w for w in launch["what_if"] if w["saved"] > 0.005][:3]
    if best:
        lines.append("  what would shorten it:")
        lines += [f"    {100 * w['saved']:5.1f}%  {w['free']} at no cost" for w in best]
    return "\n".join(lines)


def short(at):
    """A file under the working directory by its path from there."""
    here = os.getcwd() + os.sep
    return at[len(here) :] if at.startswith(here) else at


def time(us):
    if us < 1000:
        return f"{us:.2f} us"
    return f"{us / 1000:.3f} ms" if us < 1e6 else f"{us / 1e6:.3f} s"


def size(n):
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
