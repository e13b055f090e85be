#!/usr/bin/env python3
"""Solves the programs of programs.json with HiGHS and writes highs.json: the second solver of `decide`.

    pip install highspy==1.15.1
    python3 validation/decide/highs.py

Each program is written out as one linear program over all scenarios (crates/market/src/decide/program.rs has the
formulas): mean + weight x CVaR of the cost, the CVaR by Rockafellar and Uryasev, an optional limit on the CVaR.
"""

import json
from pathlib import Path

import highspy


def solve(case):
    p = case["program"]
    t, scenarios = p["periods"], p["scenarios"]
    level, weight, budget = case["level"], case["weight"], case["budget"]
    inf = highspy.kHighsInf
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    columns = {"cost": [], "low": [], "high": []}
    rows = []

    def column(cost, low, high):
        columns["cost"].append(cost)
        columns["low"].append(low)
        columns["high"].append(high)
        return len(columns["cost"]) - 1

    x = [column(0.0, 0.0, c["most"]) for c in p["commitments"]]
    tail = column(weight, -inf, inf)
    limit = column(0.0, -inf, inf) if budget is not None else None
    over_budget = {limit: 1.0}
    share = 1.0 / len(scenarios)
    constant = 0.0
    for s in scenarios:
        # Cost of the scenario as {column: coefficient}; the objective takes its mean.
        cost = {o: c for o, c in zip(x, s["commit_cost"])}
        constant += share * s["fixed"]
        supply = [{} for _ in range(t)]
        for i, o in enumerate(x):
            for j in range(t):
                hours = s["commit_hours"][i * t + j]
                if hours > 0:
                    supply[j][o] = supply[j].get(o, 0.0) + hours
        for f in range(len(p["rentals"])):
            for j in range(t):
                q = column(0.0, 0.0, s["rent_hours"][f * t + j])
                cost[q] = s["rent_price"][f * t + j]
                supply[j][q] = 1.0
        for k, d in enumerate(p["demands"]):
            undone = column(0.0, 0.0, inf)
            cost[undone] = s["drop"][k]
            done = {undone: 1.0}
            for j in range(d["from"], d["until"]):
                q = column(0.0, 0.0, s["rate"][k * t + j])
                cost[q] = s["late"][k * t + j]
                done[q] = 1.0
                supply[j][q] = -1.0
            rows.append((s["work"][k], s["work"][k], done))
        rows.extend((0.0, inf, row) for row in supply if row)
        for c, v in cost.items():
            columns["cost"][c] += share * v
        if weight > 0:
            over = column(weight * share / (1.0 - level), 0.0, inf)
            rows.append((s["fixed"], inf, {over: 1.0, tail: 1.0, **{c: -v for c, v in cost.items()}}))
        if limit is not None:
            over = column(0.0, 0.0, inf)
            over_budget[over] = share / (1.0 - level)
            rows.append((s["fixed"], inf, {over: 1.0, limit: 1.0, **{c: -v for c, v in cost.items()}}))
    if limit is not None:
        rows.append((-inf, budget, over_budget))
    if weight == 0:
        columns["low"][tail] = columns["high"][tail] = 0.0
    for cost, low, high in zip(columns["cost"], columns["low"], columns["high"]):
        h.addCol(cost, low, high, 0, [], [])
    for low, high, row in rows:
        h.addRow(low, high, len(row), list(row.keys()), list(row.values()))
    h.run()
    status = h.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None
    if status != highspy.HighsModelStatus.kOptimal:
        raise SystemExit(f"{case['name']}: {h.modelStatusToString(status)}")
    return h.getInfo().objective_function_value + constant


def main():
    folder = Path(__file__).parent
    cases = json.loads((folder / "programs.json").read_text())
    solved = [{"name": c["name"], "usd": solve(c)} for c in cases]
    version = highspy.Highs().version()
    for s in solved:
        s["solver"] = f"HiGHS {version}"
    (folder / "highs.json").write_text(json.dumps(solved, indent=1) + "\n")
    for s in solved:
        print(s["name"], s["usd"])


if __name__ == "__main__":
    main()
