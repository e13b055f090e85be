"""Counting and printing."""

import collections

ORDER = ("passed", "failed", "unsupported", "timeout", "skipped")


def case(name, outcome, reason, seconds):
    return {"name": name, "outcome": outcome, "reason": reason, "seconds": round(seconds, 3)}


def shortened(text, width=160):
    text = " ".join(str(text).split())
    return text if len(text) <= width else text[: width - 3] + "..."


def counts(cases):
    found = collections.Counter(c["outcome"] for c in cases)
    return {name: found.get(name, 0) for name in ORDER}


def reasons(cases):
    """Why cases did not pass, most frequent first."""
    found = collections.Counter((c["outcome"], c["reason"]) for c in cases if c["outcome"] in ("failed", "unsupported", "timeout"))
    return [{"outcome": o, "reason": r, "cases": n} for (o, r), n in sorted(found.items(), key=lambda item: (-item[1], item[0]))]


def page(result, failures):
    lines = [f"{result['suite']} at {(result['commit'] or 'unknown commit')[:10]}", ""]
    files = collections.OrderedDict()
    for c in result["cases"]:
        files.setdefault(c["name"].split("::")[0], []).append(c)
    width = max([len(shorter(f)) for f in files] + [4])
    lines.append(f"{'file':<{width}}" + "".join(f"{name:>13}" for name in ORDER))
    for name, cases in files.items():
        n = counts(cases)
        lines.append(f"{shorter(name):<{width}}" + "".join(f"{n[o] or '-':>13}" for o in ORDER))
    n = result["counts"]
    lines.append(f"{'all':<{width}}" + "".join(f"{n[o]:>13}" for o in ORDER))
    ran = n["passed"] + n["failed"]
    if ran:
        lines += ["", f"passed of those that ran to a verdict: {n['passed']} of {ran} ({100 * n['passed'] / ran:.1f}%)"]
    worst = result["reasons"][:failures]
    if worst:
        lines += ["", "why not:"]
        lines += [f"  {r['cases']:>5}  {r['outcome']:<11}  {r['reason']}" for r in worst]
        left = len(result["reasons"]) - len(worst)
        if left:
            lines.append(f"  {left} more reasons (--failures {len(result['reasons'])}, or --json)")
    return "\n".join(lines)


def shorter(name, width=48):
    return name if len(name) <= width else "..." + name[-(width - 3) :]
