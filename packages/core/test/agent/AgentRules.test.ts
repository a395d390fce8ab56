import { assert, describe, it } from "@effect/vitest"
import { decide, late, remainingMillis } from "#src/agent/rules/Decide.ts"
import { stamp, type AgentEvent, type AgentEventBody } from "#src/agent/rules/AgentEvent.ts"
import { evolve } from "#src/agent/rules/Evolve.ts"
import { AgentState, initial } from "#src/agent/rules/AgentState.ts"
import type { AgentTask } from "#src/agent/AgentTask.ts"
import * as ModelReply from "#src/agent/rules/ModelReply.ts"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import type { ChatReply } from "#src/lmstudio/Chat.ts"
import type { McpTool } from "#src/mcp/McpTool.ts"
import { RunId } from "#src/observability/Correlation.ts"
import { FastCheck as fc, Schema } from "effect"
import { present } from "../../src/schema/Fields.ts"

const runId = RunId.make("run_aaaaaaaaaaaaaaaa")

const tools: ReadonlyArray<McpTool> = ["read", "write"].map((name) => ({
  server: "main",
  name,
  description: "",
  inputSchema: {
    type: "object",
    properties: { path: { type: "string" }, n: { type: "integer" } },
    required: ["path"],
    additionalProperties: false
  },
  annotations: {}
}))

const anyCall = fc.record({
  id: fc.constantFrom("", "a", "b"),
  name: fc.constantFrom("read", "write", "read", "write", "raed", ""),
  arguments: fc.constantFrom(
    '{"path":"/a"}',
    '{"path":"/b"}',
    '{"path":"/a","n":"3"}',
    "{'path': '/a'}",
    "",
    "{",
    '{"path":5.5}',
    '{"n":1}',
    "[]"
  )
})

const anyReply = fc.record({
  kind: fc.constant("reply" as const),
  millis: fc.integer({ min: 0, max: 400 }),
  content: fc.constantFrom("", " ", "some text", "more", '{"ok": true}'),
  reasoning: fc.constantFrom("", "hm"),
  finishReason: fc.constantFrom("stop", "length", "tool_calls", ""),
  toolCalls: fc.array(anyCall, { maxLength: 4 }),
  usage: fc.constantFrom(undefined, { inputTokens: 40, outputTokens: 10 })
})

const anyFailure = fc.record({
  kind: fc.constant("failure" as const),
  millis: fc.integer({ min: 0, max: 400 }),
  repeatable: fc.boolean(),
  partial: fc.constantFrom("", "begun")
})

const anyTurn = fc.oneof({ weight: 4, arbitrary: anyReply }, { weight: 1, arbitrary: anyFailure })

const anyOutcome = fc.record({
  millis: fc.integer({ min: 0, max: 300 }),
  isError: fc.boolean(),
  bytes: fc.integer({ min: 0, max: 50 })
})

const anyWorld = fc.record({
  turns: fc.array(anyTurn, { minLength: 1, maxLength: 8 }),
  outcomes: fc.array(anyOutcome, { minLength: 1, maxLength: 8 }),
  structured: fc.boolean(),
  prepareMillis: fc.integer({ min: 0, max: 200 }),
  /** Whether a server is down when the run starts, so that it fails and is resumed. */
  serverDown: fc.boolean(),
  /** When the process is killed and the run resumed; a run that ends before gets more budget. */
  killed: fc.option(
    fc.oneof(
      fc.record({ after: fc.constant("any" as const), count: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ after: fc.constant("ToolCallStarted" as const), count: fc.integer({ min: 1, max: 4 }) })
    ),
    { nil: undefined }
  ),
  /** Whether a person approves a call with an unknown outcome. */
  consents: fc.boolean(),
  traits: fc.constantFrom(undefined, { readOnly: true }, { destructive: true }),
  budgets: fc.record({
    rounds: fc.integer({ min: 1, max: 12 }),
    wallMillis: fc.integer({ min: 1, max: 2000 }),
    toolCalls: fc.integer({ min: 1, max: 8 }),
    tokens: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
    resultBytes: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined })
  })
})

type AnyWorld = typeof anyWorld extends fc.Arbitrary<infer W> ? W : never

/** The shell without I/O: the world determines how time passes; turns and outcomes repeat in a cycle. */
const play = (world: AnyWorld) => {
  const { resultBytes, rounds, tokens, toolCalls, wallMillis } = world.budgets
  let task: AgentTask = {
    task: "t",
    servers: { _tag: "All" },
    ...(world.structured ? { outputSchema: { type: "object", required: ["ok"] } } : {}),
    budgets: {
      rounds,
      wallMillis,
      toolCalls,
      ...present({ tokens, resultBytes })
    }
  }
  const catalog = ToolCatalog.make(tools, task)
  const started = { _tag: "RunStarted" as const, task, runId, seq: 0, at: 0 }
  const events: Array<AgentEvent> = [started]
  let state = initial(started)
  let now = 0
  let turns = 0
  let outcomes = 0
  let lives = 1
  const kill = new Error("kill -9")
  const isKilled = () => {
    if (lives > 1 || world.killed === undefined) return false
    const { after, count } = world.killed
    return events.filter(({ _tag }) => after === "any" || _tag === after).length === count
  }
  const tell = (body: AgentEventBody) => {
    const event = stamp(body, runId, events.length, now)
    events.push(event)
    state = evolve(state, event)
    if (isKilled()) throw kill
  }
  const takeUp = (budgets: AgentTask["budgets"]) => {
    lives++
    now += 10_000
    task = { ...task, budgets }
    tell({ _tag: "RunResumed", task })
  }
  const left = () => remainingMillis(state, now)
  const step = () => {
    const decision = decide(state, now)
    switch (decision._tag) {
      case "Finish":
        tell({ _tag: "RunFinished", outcome: decision.outcome })
        return decision.outcome
      case "Emit":
        decision.events.forEach(tell)
        break
      case "Prepare":
        now += Math.min(world.prepareMillis, left())
        if (world.serverDown && lives === 1) {
          tell({ _tag: "RunFailed", problem: { tag: "Test", message: "down" } })
          throw kill
        }
        if (decision.final || left() > 0) {
          tell({ _tag: "ToolsOffered", offered: ["read", "write"], withheld: 0, estimatedTokens: 1 })
        }
        break
      case "AskModel": {
        tell({ _tag: "RoundStarted", round: decision.round, final: decision.final })
        const turn = world.turns[turns++ % world.turns.length]
        if (turn === undefined) throw new Error("no turn")
        const isLate = !decision.final && turn.millis >= left()
        now += decision.final ? turn.millis : Math.min(turn.millis, left())
        if (isLate) {
          tell({ _tag: "TextDelta", text: turn.kind === "failure" ? turn.partial : turn.content })
          late(state, decision).forEach(tell)
          break
        }
        if (turn.kind === "failure") {
          tell({
            _tag: "ModelFailed",
            round: decision.round,
            problem: { tag: "Test", message: "failed" },
            repeatable: turn.repeatable,
            partial: turn.partial
          })
          break
        }
        const { content, finishReason, reasoning, toolCalls: calls, usage } = turn
        const reply: ChatReply = {
          model: "m",
          content,
          reasoning,
          finishReason,
          toolCalls: calls,
          firstTokenMillis: 0,
          totalMillis: turn.millis,
          ...present({ usage })
        }
        const { messages } = state
        const { final, round } = decision
        tell({ _tag: "ModelReplied", round, reply: ModelReply.normalised(reply, { messages, round, final }) })
        break
      }
      case "CallTools":
        for (const { call, uncertain } of decision.calls) {
          const verdict = ToolCatalog.judge(catalog, call, { whole: decision.whole })
          if (verdict._tag === "Refuse") {
            const { reason, told } = verdict
            tell({ _tag: "ToolCallRefused", callId: call.id, name: call.name, reason, told })
            continue
          }
          if (uncertain === true && !world.consents) {
            tell({ _tag: "ToolCallRefused", callId: call.id, name: call.name, reason: "Policy", told: "no" })
            continue
          }
          const { tool } = verdict.tool
          const callId = call.id
          const target = { callId, server: tool.server, tool: tool.name }
          const traits = world.traits === undefined ? {} : { traits: world.traits }
          tell({ _tag: "ToolCallStarted", ...target, name: call.name, arguments: verdict.arguments, ...traits })
          const outcome = world.outcomes[outcomes++ % world.outcomes.length]
          if (outcome === undefined) throw new Error("no outcome")
          now += Math.min(outcome.millis, left())
          if (left() === 0) {
            late(state, decision).forEach(tell)
            break
          }
          const { bytes, isError, millis } = outcome
          tell({ _tag: "ToolCallFinished", ...target, told: "x", isError, bytes, millis })
        }
        break
    }
    return undefined
  }
  for (let steps = 0; steps < 4000; steps++) {
    try {
      const outcome = step()
      if (outcome === undefined) continue
      if (lives > 1 || world.killed === undefined) return { events, state, outcome, lives, turns, task, world }
      const { rounds, toolCalls, wallMillis } = task.budgets
      takeUp({ ...task.budgets, rounds: rounds + 2, toolCalls: toolCalls + 2, wallMillis: wallMillis + 1000 })
    } catch (error) {
      if (error !== kill) throw error
      takeUp(task.budgets)
    }
  }
  throw new Error("The run does not end")
}

const property = (check: (played: ReturnType<typeof play>) => void) => () =>
  fc.assert(
    fc.property(anyWorld, (world) => check(play(world))),
    { numRuns: 400 }
  )

describe("the rules of the loop", () => {
  it("turn a step that was stopped at its limit into events", () => {
    const budgets = { rounds: 3, wallMillis: 100, toolCalls: 3 }
    const task: AgentTask = { task: "t", servers: { _tag: "None" }, budgets }
    const after = (...bodies: ReadonlyArray<AgentEventBody>) =>
      bodies.reduce(
        (state, body, seq) => evolve(state, stamp(body, runId, seq + 1, 0)),
        initial({ _tag: "RunStarted", task, runId, seq: 0, at: 0 })
      )
    const tags = (state: AgentState) => {
      const decision = decide(state, 0)
      assert(decision._tag !== "Emit" && decision._tag !== "Finish")
      return [decision._tag, decision.limit, ...late(state, decision).map(({ _tag }) => _tag)]
    }
    const offered: AgentEventBody = { _tag: "ToolsOffered", offered: [], withheld: 0, estimatedTokens: 0 }
    const ending: ReadonlyArray<AgentEventBody> = [
      { _tag: "BudgetReached", budget: "rounds" },
      { _tag: "WrapUp", text: "Now." }
    ]
    const resumed: AgentEventBody = { _tag: "RunResumed", task }
    assert.deepStrictEqual(tags(after()), ["Prepare", 100, "BudgetReached"])
    assert.deepStrictEqual(tags(after(offered)), ["AskModel", 100, "BudgetReached"])
    assert.deepStrictEqual(tags(after(offered, resumed)), ["Prepare", 100, "BudgetReached"])
    const last = ["wrap-up", "RoundStarted", "ModelFailed"] as const
    assert.deepStrictEqual(tags(after(offered, ...ending)), ["AskModel", ...last])
    assert.deepStrictEqual(tags(after(offered, resumed, ...ending)), ["Prepare", ...last])

    const asking = after(offered, { _tag: "RoundStarted", round: 1, final: false }, { _tag: "TextDelta", text: "Ha" })
    assert.deepInclude(late(asking, { _tag: "AskModel", round: 1, final: false, shape: undefined })[0], {
      _tag: "ModelFailed",
      partial: "Ha",
      repeatable: false
    })
  })

  it(
    "end every run within its budgets",
    property(({ events, lives, outcome, state, task, turns }) => {
      assert.isAtMost(state.rounds, task.budgets.rounds)
      // neither the final request for the answer nor one that was killed counts
      assert.isAtMost(turns, task.budgets.rounds + lives)
      assert.isAtMost(state.callsStarted, task.budgets.toolCalls)
      assert.isAtMost(events.filter((event) => event._tag === "RoundStarted" && event.final).length, lives)
      assert.strictEqual(outcome.status === "budget", outcome.budget !== undefined)
      const lastLife = events.slice(events.findLastIndex(({ _tag }) => _tag === "RunResumed") + 1)
      assert.strictEqual(
        outcome.status === "budget",
        lastLife.some(({ _tag }) => _tag === "BudgetReached")
      )
      // the time in which it was stopped does not count
      assert.isAtMost(outcome.millis, task.budgets.wallMillis + 1000)
      if (outcome.status === "done") assert.notStrictEqual(outcome.answer.trim(), "")
      if (outcome.status === "done" && task.outputSchema !== undefined) {
        assert.deepStrictEqual(outcome.structured, { ok: true })
      }
      if (outcome.status === "failed") assert.isDefined(outcome.problem)
    })
  )

  it(
    "run no call whose arguments do not fit",
    property(({ events }) => {
      for (const event of events) {
        if (event._tag !== "ToolCallStarted") continue
        assert.isString(event.arguments["path"])
        if ("n" in event.arguments) assert.isTrue(Number.isInteger(event.arguments["n"]))
      }
    })
  )

  it(
    "give every call exactly one result, in the order of the calls",
    property(({ events, state }) => {
      const asked = events.flatMap((event) =>
        event._tag === "ModelReplied" ? event.reply.toolCalls.map(({ id }) => id) : []
      )
      const settled = events.flatMap((event) =>
        event._tag === "ToolCallFinished" || event._tag === "ToolCallRefused" ? [event.callId] : []
      )
      assert.strictEqual(new Set(asked).size, asked.length)
      assert.deepStrictEqual([...settled].toSorted(), [...asked].toSorted())
      state.messages.forEach((message, index) => {
        if (message.role !== "assistant" || message.toolCalls.length === 0) return
        const results = state.messages.slice(index + 1, index + 1 + message.toolCalls.length)
        assert.deepStrictEqual(
          results.map((result) => (result.role === "tool" ? result.toolCallId : result.role)),
          message.toolCalls.map(({ id }) => id)
        )
      })
    })
  )

  it(
    "never repeat a finished call, and repeat one with an unknown outcome only when that is harmless or approved",
    property(({ events, world }) => {
      const mayRunTwice = world.consents || world.traits?.readOnly === true
      const [started, settled] = [new Map<string, number>(), new Set<string>()]
      events.forEach((event, index) => {
        if (event._tag === "ToolCallStarted") {
          assert.isFalse(settled.has(event.callId), `${event.callId} had been settled`)
          started.set(event.callId, (started.get(event.callId) ?? 0) + 1)
          if (started.get(event.callId) === 2) {
            assert.isTrue(events.slice(0, index).some(({ _tag }) => _tag === "RunResumed"))
          }
          assert.isAtMost(started.get(event.callId) ?? 0, mayRunTwice ? 2 : 1)
        }
        if (event._tag === "ToolCallFinished" || event._tag === "ToolCallRefused") settled.add(event.callId)
      })
    })
  )

  it(
    "rebuild the same state from the events, even after writing and reading them",
    property(({ events, state }) => {
      const [first, ...rest] = events
      assert(first?._tag === "RunStarted")
      assert.deepStrictEqual(rest.reduce(evolve, initial(first)), state)
      assert.deepStrictEqual(decodeState(encodeState(state)), state)
    })
  )

  it(
    "keep the conversation acceptable to chat templates",
    property(({ state }) => {
      state.messages.forEach((message, index) => {
        const before = state.messages[index - 1]?.role
        if (message.role === "user") assert.notStrictEqual(before, "user")
        if (message.role === "assistant" && message.toolCalls.length > 0) {
          for (const call of message.toolCalls) assert.isObject(JSON.parse(call.arguments))
        }
      })
    })
  )
})

const json = Schema.parseJson(AgentState)
const encodeState = Schema.encodeSync(json)
const decodeState = Schema.decodeSync(json)
