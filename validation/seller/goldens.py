"""Second solver for the seller's allocation: random fleets, the program built here from its description in
docs/seller.md, solved by HiGHS (pip install highspy). Writes goldens.json, which crates/market/tests/seller.rs reads.

    python validation/seller/goldens.py > validation/seller/goldens.json
"""

import json
import random

import highspy


def program(f):
    """Columns (gain, batch, use) and rows (takes, there); rows are chips by batch, then megawatts by quarter."""
    cols = []
    for b, batch in enumerate(f["batches"]):
        for u, usd in enumerate(batch["usd"]):
            if usd is not None and usd > 0 and batch["count"] > 0:
                cols.append((usd, b, u))
    rows = []
    for b, batch in enumerate(f["batches"]):
        rows.append(([(j, 1.0) for j, c in enumerate(cols) if c[1] == b], batch["count"]))

    def takes(weigh):
        out = []
        for j, (_, b, u) in enumerate(cols):
            w = weigh(f["batches"][b], u)
            if w:
                out.append((j, w))
        return out

    for q, mw in enumerate(f["megawatts"]):
        rows.append((takes(lambda x, u: x["kw"] / 1e3 if x["quarter"] <= q and not f["leaves"][u] else 0.0), mw))
    for q in range(len(f["megawatts"])):
        for u, limit in enumerate(f["uses"]):
            if limit is None:
                continue
            leaves = f["leaves"][u]
            rows.append((takes(lambda x, v: 1.0 if u == v and (x["quarter"] == q if leaves else x["quarter"] <= q) else 0.0), limit[q]))
        if f["in_service"] is not None:
            rows.append((takes(lambda x, u: 0.0 if x["quarter"] > q else (f["kappa"] if f["leaves"][u] else 1.0)), f["in_service"][q]))
    return cols, rows


def solve(cols, rows):
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    inf = highspy.kHighsInf
    for gain, _, _ in cols:
        h.addCol(-gain, 0.0, inf, 0, [], [])
    for takes, there in rows:
        h.addRow(-inf, there, len(takes), [j for j, _ in takes], [a for _, a in takes])
    h.run()
    assert h.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return -h.getInfo().objective_function_value


def golden(r):
    quarters, chips, uses = r.randint(1, 5), r.randint(1, 3), r.randint(2, 4)
    leaves = [False] * (uses - 1) + [True]
    batches = []
    for c in range(chips):
        kw = round(r.uniform(0.6, 2.5), 3)
        usd = [None if r.random() < 0.1 else round(r.uniform(-5e3, 4e4), 2) for _ in range(uses)]
        for q in range(quarters):
            fade = 0.95**q
            batches.append({"chip": c, "quarter": q, "count": float(r.randint(0, 400_000)), "kw": kw, "usd": [None if x is None else round(x * fade, 2) for x in usd]})
    total = sum(b["count"] for b in batches)
    f = {
        "batches": batches,
        "leaves": leaves,
        "megawatts": [round(r.uniform(0.1, 1.2) * total * 1.5e-3 * (q + 1) / quarters, 3) for q in range(quarters)],
        "uses": [None if r.random() < 0.3 else [round(r.uniform(0.1, 0.8) * total, 1) for _ in range(quarters)] for _ in range(uses)],
        "in_service": None if r.random() < 0.3 else [round(r.uniform(0.3, 1.2) * total, 1) for _ in range(quarters)],
        "kappa": round(r.uniform(0, 1), 3),
    }
    cols, rows = program(f)
    value = solve(cols, rows) if cols else 0.0
    # Worth of one more unit and of the last one: between them lies every price of the resource.
    ends = []
    for i in range(len(batches) + quarters):
        step = max(1e-6 * rows[i][1], 1e-3)

        def moved(d):
            other = list(rows)
            other[i] = (rows[i][0], max(rows[i][1] + d, 0.0))
            return solve(cols, other) if cols else 0.0

        more = (moved(step) - value) / step
        less = (value - moved(-step)) / step if rows[i][1] >= step else None
        ends.append([more, less])
    return {"fleet": f, "value": value, "ends": ends}


r = random.Random(20261122)
print(json.dumps([golden(r) for _ in range(40)], indent=None, separators=(",", ":")))
