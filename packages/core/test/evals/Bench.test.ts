/** What the trials of the bench say of a model, and its tasks. */
import { assert, describe, it } from "@effect/vitest"
import type { ToolForm } from "#src/agent/ToolForm.ts"
import * as Bench from "#src/evals/bench/Bench.ts"
import * as BenchReport from "#src/evals/bench/BenchReport.ts"
import * as BenchTasks from "#src/evals/bench/BenchTasks.ts"
import { EvalTask } from "#src/evals/EvalTask.ts"
import type { Planned, Verdict } from "#src/evals/Trial.ts"
import { formOf } from "#src/registry/FormByEvidence.ts"
import { withEvidence, withTasks } from "#src/registry/Evidence.ts"
import { Schema } from "effect"

const server = (folder: string) => ({ name: "bench", command: "node", args: [folder] })
const tasks = BenchTasks.make(server)
const planned = (models: ReadonlyArray<string>, forms: ReadonlyArray<ToolForm> = [], times = 1) =>
  Bench.planned(models, { tasks, forms, times })

/** The first of them are done, the next ones called done but wrong, the rest not done. */
const made = (
  wanted: ReadonlyArray<Planned>,
  of: (variant: Planned["variant"]) => { readonly done: number; readonly wrong?: number; readonly millis?: number }
): ReadonlyArray<BenchReport.BenchTrial> => {
  const seen = new Map<Planned["variant"], number>()
  return wanted.map(({ number, task, variant }) => {
    const { done, millis = 1000, wrong = 0 } = of(variant)
    const before = seen.get(variant) ?? 0
    seen.set(variant, before + 1)
    const verdict: Verdict = before < done ? "passed" : before < done + wrong ? "wrong" : "not-done"
    return {
      task: task.name,
      variant,
      number,
      verdict,
      judged: false,
      rounds: 2,
      toolCalls: 1,
      usage: { inputTokens: 100, outputTokens: 20 },
      millis,
      kind: "x",
      form: variant.toolForm ?? "native",
      writing: { tokens: 20, millis: 500 }
    }
  })
}

describe("the tasks of the bench", () => {
  it("are well formed, each by its own name, with the server in place of those of the user", () => {
    const encode = Schema.encodeSync(EvalTask)
    const decode = Schema.decodeUnknownSync(EvalTask)
    for (const { name, task } of tasks) assert.doesNotThrow(() => decode(encode(task)), name)
    assert.strictEqual(new Set(tasks.map(({ name }) => name)).size, tasks.length)
    assert.deepStrictEqual([...new Set(tasks.map(({ kind }) => kind))], [...BenchTasks.kinds])
    assert.isTrue(tasks.every(({ task }) => task.servers === undefined && task.presets === undefined))
  })
})

describe("a report of the bench", () => {
  it("counts by model, with the speed of all replies, and keeps a model without trials", () => {
    const wanted = planned(["a", "b"])
    const trials = made(wanted, () => ({ done: 9, wrong: 4 })).filter(({ variant }) => variant.model === "a")
    const { rows, total } = BenchReport.of(wanted, trials, [{ model: "b", tag: "ModelLoadFailed", message: "no" }])
    assert.deepInclude(rows[0], { model: "a", form: "native", passed: 9, wrong: 4, notDone: 2, tokensPerSecond: 40 })
    assert.deepInclude(rows[1], { model: "b", trials: 0, passed: 0 })
    assert.isUndefined(rows[0]?.best)
    assert.deepInclude(total, { trials: 15, passed: 9 })
  })

  it("the best form has most done, then fewer wrong, then less time; without any done there is none", () => {
    const wanted = planned(["a"], Bench.allForms)
    const best = (of: Parameters<typeof made>[1]) =>
      BenchReport.of(wanted, made(wanted, of), []).rows.flatMap(({ best, form }) => (best === true ? [form] : []))
    assert.deepStrictEqual(
      best(({ toolForm }) => ({ done: toolForm === "text" ? 9 : 8 })),
      ["text"]
    )
    assert.deepStrictEqual(
      best(({ toolForm }) => ({ done: 8, wrong: toolForm === "bound" ? 1 : 3 })),
      ["bound"]
    )
    assert.deepStrictEqual(
      best(({ toolForm }) => ({ done: 8, millis: toolForm === "text" ? 900 : 1000 })),
      ["text"]
    )
    assert.deepStrictEqual(
      best(() => ({ done: 8 })),
      ["native"]
    )
    assert.deepStrictEqual(
      best(() => ({ done: 0 })),
      []
    )
  })
})

describe("the evidence of the bench", () => {
  it("is how many tasks were done, of the best form where several were tried", () => {
    const one = planned(["a"], [], 2)
    assert.deepStrictEqual(
      BenchReport.evidenceOf(
        one,
        made(one, () => ({ done: 16, wrong: 3 })),
        7
      ),
      {
        tasks: { source: "verified", holds: true, value: 16, trials: 30, at: 7, detail: "3 called done but wrong" }
      }
    )
    const several = planned(["a"], Bench.allForms)
    const trials = made(several, ({ toolForm }) => ({ done: toolForm === "bound" ? 11 : 3 }))
    const found = BenchReport.evidenceOf(several, trials, 7)
    assert.deepStrictEqual(found?.tasks, { source: "verified", holds: true, value: 11, trials: 15, at: 7 })
    assert.deepInclude(found?.forms?.bound, { done: 11, tasks: 15, seconds: 15 })
  })

  it("is nothing while trials are left, or where one failed for no fault of the model", () => {
    const wanted = planned(["a"])
    const trials = made(wanted, () => ({ done: 15 }))
    assert.isUndefined(BenchReport.evidenceOf(wanted, trials.slice(1), 7))
    assert.isUndefined(
      BenchReport.evidenceOf(
        wanted,
        trials.map((trial, index) => (index === 3 ? { ...trial, verdict: "error" } : trial)),
        7
      )
    )
  })

  it("of forms counts for more than requests of a probe, and a later probe leaves it", () => {
    const probed = { source: "verified" as const, holds: true, value: 3, trials: 3, at: 1 }
    const row = withEvidence(undefined, { build: {}, at: 1, evidence: { toolCalls: probed } })
    assert.strictEqual(formOf(row).form, "native")
    const several = planned(["a"], Bench.allForms)
    const found = BenchReport.evidenceOf(
      several,
      made(several, ({ toolForm }) => ({ done: toolForm === "bound" ? 11 : 3 })),
      Date.UTC(2026, 10, 29)
    )
    if (found === undefined) return assert.fail("there is no evidence")
    const benched = withTasks(row, {}, found.tasks, found.forms)
    assert.deepStrictEqual(formOf(benched), {
      form: "bound",
      why: "Tasks of the bench done on 2026-11-29: native 3 of 15, bound 11 of 15, text 3 of 15."
    })
    assert.strictEqual(benched.at, 1)
    const again = withEvidence(benched, { build: {}, at: 9, evidence: { toolCalls: probed } })
    assert.strictEqual(formOf(again).form, "bound")
    assert.strictEqual(again.evidence["tasks"]?.value, 11)
  })
})
