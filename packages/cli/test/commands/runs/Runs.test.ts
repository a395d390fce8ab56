import { assert, describe, it } from "@effect/vitest"
import { type AgentEvent, type AgentEventBody, type AgentOutcome, stamp } from "@lms-bridge/core/AgentEvent"
import type { AgentLoop, AgentTask } from "@lms-bridge/core/AgentLoop"
import { DataFolderUnwritable } from "@lms-bridge/core/Machine"
import { RunId } from "@lms-bridge/core/RunJournal"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { type Context, Effect, Stream, TestClock } from "effect"
import { cli } from "../../OverDoubles.ts"

const task: AgentTask = {
  task: "Count the bees.",
  servers: { _tag: "Named", names: ["filesystem"] },
  model: "test/model",
  budgets: { rounds: 2, wallMillis: 60_000, toolCalls: 9 },
  temperature: 0.1,
  approvedTools: ["*"],
  outputSchema: { type: "object" }
}

const bodies = AgentLoopTest.oneCall({
  server: "filesystem",
  tool: "read_text_file",
  arguments: { path: "bees.md" },
  result: "Bees like clover.",
  answer: "One."
})

/** A run of one call, as it is kept; without its end it was killed. */
const kept = (id: string, end?: Partial<AgentOutcome>): ReadonlyArray<AgentEvent> => {
  const work = bodies.slice(0, -1).filter((step): step is AgentEventBody => "_tag" in step && step._tag !== "Wait")
  const last: ReadonlyArray<AgentEventBody> =
    end === undefined ? [] : [{ _tag: "RunFinished", outcome: AgentLoopTest.outcome("One.", { rounds: 2, ...end }) }]
  return [{ _tag: "RunStarted" as const, task }, ...work, ...last].map((body, seq) =>
    stamp(body, RunId.make(id), seq, 1000 * seq)
  )
}

const done = kept("run_done", {})
const ended = kept("run_ended", { status: "budget", budget: "rounds" })
const killed = kept("run_killed")
const runs = [done, ended, killed]

/** What was asked of the loop. */
const listening = () => {
  const asked: Array<unknown> = []
  const answer = (id: string) =>
    Stream.make<[AgentEvent, AgentEvent]>(
      stamp({ _tag: "RunStarted", task }, RunId.make(id), 0, 0),
      stamp({ _tag: "RunFinished", outcome: AgentLoopTest.outcome("Two.") }, RunId.make(id), 1, 0)
    )
  const agentLoop: Context.Tag.Service<AgentLoop> = {
    check: () => Effect.void,
    cancel: () => Effect.void,
    begin: () => Effect.succeed(RunId.make("run_begun")),
    run: (task) => {
      asked.push(task)
      return answer("run_new")
    },
    resume: (runId, { approved: allowed, budgets } = {}) => {
      asked.push({ runId, budgets, allowed })
      return answer(runId)
    }
  }
  return { agentLoop, asked }
}

describe("runs ls", () => {
  it.effect("lists them newest first, with the status of each", () =>
    Effect.gen(function* () {
      const { code, out } = yield* cli(["runs", "ls"], { runs })
      assert.strictEqual(code, 0)
      assert.match(out, /^ID +STATUS +LAST ACTIVE +ROUNDS +MODEL +TASK\n/)
      assert.match(out, /^run_ended +budget +0 ms ago +2 +test\/model +Count the bees\.$/m)
      assert.match(out, /^run_killed +unfinished /m)
      const json = JSON.parse((yield* cli(["runs", "ls", "--json"], { runs })).out)
      assert.deepInclude(json[0], { runId: "run_done", status: "done", rounds: 2, startedAt: 0 })
    })
  )

  it.effect("says so when there are none", () =>
    Effect.gen(function* () {
      const { err, out } = yield* cli(["runs", "ls"])
      assert.deepStrictEqual([out, err], ["", "There are no runs yet. `lms-bridge run` starts one."])
      assert.strictEqual((yield* cli(["runs", "ls", "--json"])).out, "[]")
    })
  )
})

describe("runs that cannot be kept", () => {
  const unkept = new DataFolderUnwritable({ directory: "/tmp/a", detail: "EEXIST" })

  it.effect("are not offered for later", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* cli(["runs", "ls"], { unkept })).err,
        "Runs are not kept. The data folder /tmp/a cannot be written (EEXIST). Set LMS_BRIDGE_DATA_DIR to a writable folder."
      )
      const outcome = AgentLoopTest.outcome("So far.", { status: "budget", budget: "rounds" })
      const loop: ReadonlyArray<AgentLoopTest.Step> = [{ _tag: "RunFinished", outcome }]
      assert.include((yield* cli(["run", "x"], { loop })).err, "lms-bridge runs resume")
      const { err } = yield* cli(["run", "x"], { loop, unkept })
      assert.include(err, "this is the best answer so far.")
      assert.notInclude(err, "runs resume")
    })
  )
})

describe("runs show", () => {
  it.effect("prints the account, the answer last, and says on stderr what can be done next", () =>
    Effect.gen(function* () {
      const { err, out } = yield* cli(["runs", "show", "done"], { runs })
      assert.match(out, /^status +done$/m)
      assert.match(out, /^began +1970-01-01T00:00:00\.000Z$/m)
      assert.match(out, /^work +2 rounds, 1 tool call, 1 s, 100 tokens read, 10 written$/m)
      assert.match(out, /^1 +filesystem +read_text_file +12 ms$/m)
      assert.isTrue(out.endsWith("\n\nOne."))
      assert.strictEqual(err, 'Follow up with: lms-bridge runs follow run_done "TASK"')
      assert.include((yield* cli(["runs", "show", "run_killed"], { runs })).err, "lms-bridge runs resume run_killed")
      assert.include((yield* cli(["runs", "show", "ended"], { runs })).err, "run_ended --max-rounds 4")
      const json = JSON.parse((yield* cli(["runs", "show", "run_d", "--json"], { runs })).out)
      assert.deepInclude(json, { runId: "run_done", status: "done" })
      assert.deepStrictEqual(json.given, task)
      assert.strictEqual(json.outcome.answer, "One.")
    })
  )

  it.effect("lists a call that was running when the run was stopped, and says that its effect is not known", () =>
    Effect.gen(function* () {
      const at = killed.findIndex(({ _tag }) => _tag === "ToolCallStarted")
      const runs = [killed.slice(0, at + 1)]
      const { err, out } = yield* cli(["runs", "show", "killed"], { runs })
      assert.match(out, /^work +1 round, 1 tool call$/m)
      assert.match(out, /^1 +filesystem +read_text_file +stopped, uncertain whether it took effect$/m)
      assert.match(
        err,
        /^It is not known whether this took effect, .*: read_text_file\.\nThe run was stopped before it finished\./
      )
      const json = JSON.parse((yield* cli(["runs", "show", "killed", "--json"], { runs })).out)
      assert.deepInclude(json.toolCalls[0], { tool: "read_text_file", uncertain: true })
      // also when it could not be resumed
      const resumed: ReadonlyArray<AgentEventBody> = [
        { _tag: "RunResumed", task },
        { _tag: "RunFailed", problem: { tag: "ModelNotFound", message: "There is no model." } }
      ]
      const failed = resumed.map((body, index) => stamp(body, RunId.make("run_killed"), at + 1 + index, 60_000))
      const later = yield* cli(["runs", "show", "killed"], { runs: [[...killed.slice(0, at + 1), ...failed]] })
      assert.match(later.out, /^1 +filesystem +read_text_file +stopped, uncertain whether it took effect$/m)
      assert.match(later.err, /: read_text_file\.\nOnce that is fixed, continue with: /)
      const why = (yield* cli(["runs", "show", "killed", "--explain"], { runs })).out
      assert.match(why, /^ +calls: read_text_file \(unfinished\)$/m)
    })
  )

  it.effect("lists the newest, those that are asked for, and says how many more there are", () =>
    Effect.gen(function* () {
      const limited = yield* cli(["runs", "ls", "--limit", "1"], { runs })
      assert.strictEqual(limited.out.split("\n").length, 2)
      assert.include(limited.err, "2 more; --limit 3 lists them, too.")
      assert.strictEqual((yield* cli(["runs", "ls", "--status", "done"], { runs })).out.split("\n").length, 2)
      assert.strictEqual((yield* cli(["runs", "ls", "--model", "no such"], { runs })).err, "No run is like that.")
      assert.strictEqual((yield* cli(["runs", "ls", "--since", "1d"], { runs })).out.split("\n").length, 4)
      assert.strictEqual((yield* cli(["runs", "ls", "--since", "soon"], { runs })).code, 2)
    })
  )

  it.effect("says why a run could not begin, and how to continue", () =>
    Effect.gen(function* () {
      const problem = { tag: "ModelNotFound", message: 'There is no model "x".' }
      const runs = [
        [
          stamp({ _tag: "RunStarted", task }, RunId.make("run_down"), 0, 0),
          stamp({ _tag: "RunFailed", problem }, RunId.make("run_down"), 1, 5)
        ]
      ]
      const { err, out } = yield* cli(["runs", "show", "down"], { runs })
      assert.match(out, /^status +failed$/m)
      assert.match(out, /^problem +There is no model "x"\.$/m)
      assert.match(err, /^Once that is fixed, continue with: lms-bridge runs resume run_down$/m)
      assert.match((yield* cli(["runs", "ls", "--status", "failed"], { runs })).out, /^run_down +failed /m)
      const json = JSON.parse((yield* cli(["runs", "show", "down", "--json"], { runs })).out)
      assert.deepInclude(json, { status: "failed", problem })
    })
  )

  it.effect("prints the transcript, and why each request contained what it did", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["runs", "show", "done", "--transcript"], { runs })
      assert.match(out, /^# Task\n\nCount the bees\.\n\n## Round 1\n/)
      assert.include(out, "    Bees like clover.")
      const events = (yield* cli(["runs", "show", "done", "--transcript", "--json"], { runs })).out
      assert.strictEqual(events.split("\n").length, done.length)
      const { out: why } = yield* cli(["runs", "show", "done", "--explain"], { runs })
      assert.match(why, /^explained +run_done, test\/model, 8192 tokens of context$/m)
      assert.match(why, /^round 1 +not measured$/m)
      assert.match(why, /^ +calls: read_text_file$/m)
      assert.match(why, /^budgets +2 of 2 rounds, 1 of 9 tool calls, 1 s of 60 s, 110 tokens, 17 B of results$/m)
      assert.strictEqual((yield* cli(["runs", "show", "done", "--transcript", "--explain"], { runs })).code, 2)
    })
  )

  it.effect("does not guess which run is meant", () =>
    Effect.gen(function* () {
      const none = yield* cli(["runs", "show", "run_dome"], { runs })
      assert.strictEqual(none.code, 2)
      assert.strictEqual(
        none.err,
        'lms-bridge: There is no run "run_dome". Did you mean run_done? `lms-bridge runs ls` lists the stored runs.'
      )
      const twice = [kept("run_aa", {}), kept("run_ab", {})]
      assert.match((yield* cli(["runs", "show", "a"], { runs: twice })).err, /"a" matches 2 runs: run_aa, run_ab/)
    })
  )
})

describe("runs resume", () => {
  it.effect("continues with the budgets of the run, and with the budgets and approvals that are given", () =>
    Effect.gen(function* () {
      const { agentLoop, asked } = listening()
      const { code, err, out } = yield* cli(
        ["runs", "resume", "ended", "--max-rounds", "5", "--max-total-tokens", "900"],
        {
          runs,
          agentLoop
        }
      )
      assert.deepStrictEqual([code, out], [0, "Two."], err)
      yield* cli(["runs", "resume", "killed", "--max-rounds", "3", "--allow", "write_file, a__x"], { runs, agentLoop })
      assert.deepStrictEqual(asked, [
        { runId: "run_ended", budgets: { ...task.budgets, rounds: 5, tokens: 900 }, allowed: [] },
        { runId: "run_killed", budgets: { ...task.budgets, rounds: 3 }, allowed: ["write_file", "a__x"] }
      ])
    })
  )

  it.effect("refuses one that is done, and one whose budget is used up, and says what to do instead", () =>
    Effect.gen(function* () {
      const { agentLoop, asked } = listening()
      const finished = yield* cli(["runs", "resume", "done"], { runs, agentLoop })
      assert.deepStrictEqual(
        [finished.code, finished.err],
        [2, 'lms-bridge: The run run_done is done. Follow up with: lms-bridge runs follow run_done "TASK"']
      )
      const spent = yield* cli(["runs", "resume", "ended"], { runs, agentLoop })
      assert.deepStrictEqual(
        [spent.code, spent.err],
        [
          2,
          "lms-bridge: The run run_ended cannot continue, because its 2 rounds are used up. Raise the limit, for example with --max-rounds 4."
        ]
      )
      assert.deepStrictEqual(asked, [])
    })
  )

  it.effect("explains the whole run, including what came before", () =>
    Effect.gen(function* () {
      const { agentLoop } = listening()
      const { err } = yield* cli(["runs", "resume", "ended", "--max-rounds", "5", "--explain"], { runs, agentLoop })
      assert.match(err, /^round 1 /m)
    })
  )
})

describe("runs follow", () => {
  it.effect("takes servers, model and settings from the run, but neither approvals nor the form of the answer", () =>
    Effect.gen(function* () {
      const { agentLoop, asked } = listening()
      yield* cli(["runs", "follow", "done", "And the wasps?"], { runs, agentLoop })
      yield* cli(["runs", "follow", "done", "And now?", "--at", "1", "--mcp", "a", "--model", "m"], { runs, agentLoop })
      const { approvedTools: _approved, outputSchema: _schema, ...same } = task
      const budgets = { rounds: 50, wallMillis: 600_000, toolCalls: 200 }
      const begun = done.findIndex((event) => event._tag === "RoundStarted" && event.round === 2)
      assert.deepStrictEqual(asked, [
        { ...same, task: "And the wasps?", budgets, follows: { run: "run_done" } },
        {
          ...same,
          task: "And now?",
          budgets,
          servers: { _tag: "Named", names: ["a"] },
          model: "m",
          follows: { run: "run_done", events: begun }
        }
      ])
    })
  )

  it.effect("with --yes ends for an exclusion that matches no tool, as run does", () =>
    Effect.gen(function* () {
      const { agentLoop, asked } = listening()
      yield* cli(["runs", "follow", "done", "x", "--exclude-tools", "wirte_file", "--yes"], { runs, agentLoop })
      assert.containSubset(asked, [{ excludedTools: ["wirte_file"], exclusionsMatch: true }])
    })
  )

  it.effect("refuses a round that does not exist", () =>
    Effect.gen(function* () {
      const { agentLoop, asked } = listening()
      const { code, err } = yield* cli(["runs", "follow", "done", "x", "--at", "3"], { runs, agentLoop })
      assert.strictEqual(code, 2)
      assert.include(err, "--at is 3, but the run run_done has 2 rounds.")
      assert.strictEqual((yield* cli(["runs", "follow", "done", " "], { runs, agentLoop })).code, 2)
      assert.deepStrictEqual(asked, [])
    })
  )
})

describe("stats", () => {
  it.effect("adds up the kept runs by day and model, with --days the newest only", () =>
    Effect.gen(function* () {
      const { err, out } = yield* cli(["stats", "--json"], { runs })
      assert.strictEqual(err, "")
      const [total, ...others] = JSON.parse(out)
      assert.deepStrictEqual(others, [])
      assert.deepInclude(total, { model: "test/model", runs: 3, toolCalls: 3 })
      // the zone of this machine may be behind
      assert.match(total.day, /^1970-01-01$|^1969-12-31$/)
      assert.isAbove(total.tokensRead, 0)
      assert.match((yield* cli(["stats"], { runs })).out, /^DAY +MODEL +RUNS .*\n19\d\d-\d\d-\d\d +test\/model +3 /)
      yield* TestClock.adjust("2 days")
      assert.include((yield* cli(["stats", "--days", "1"], { runs })).err, "No kept run has asked a model")
    })
  )
})

describe("runs rm", () => {
  it.effect("removes the given runs, and reports those it cannot remove", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["runs", "rm", "done", "nope", "done", "run_killed"], { runs })
      assert.strictEqual(code, 2)
      assert.strictEqual(out, "run_done is removed.\nrun_killed is removed.")
      assert.include(err, 'There is no run "nope".')
    })
  )

  it.effect("leaves a run alone that is going on, and says nothing of it", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      for (const all of [
        ["--all", "--yes"],
        ["--older-than", "30m"]
      ]) {
        const { code, err, out } = yield* cli(["runs", "rm", ...all], { runs, running: "run_killed" })
        assert.deepStrictEqual([code, err], [0, ""])
        assert.sameMembers(out.split("\n"), ["run_done is removed.", "run_ended is removed."])
      }
    })
  )

  it.effect("removes all, or those without activity for the given time", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* cli(["runs", "rm", "--all", "--yes"], { runs })).out.split("\n").length, 3)
      const nobody = yield* cli(["runs", "rm", "--all"], { runs })
      assert.deepStrictEqual([nobody.code, nobody.out], [2, ""])
      const unsure = yield* cli(["runs", "rm", "--all"], { runs, screen: { answer: false } })
      assert.deepStrictEqual([unsure.code, unsure.out], [0, ""])
      assert.include(unsure.err, "Remove 3 runs? [y/N]")
      const young = yield* cli(["runs", "rm", "--older-than", "1h"], { runs })
      assert.deepStrictEqual([young.code, young.out], [0, "There is nothing to remove."])
      for (const args of [[], ["--all", "done"], ["--all", "--older-than", "1h"]]) {
        assert.strictEqual((yield* cli(["runs", "rm", ...args], { runs })).code, 2)
      }
    })
  )
})
