import { assert, describe, it } from "@effect/vitest"
import { CurrentApprover } from "#src/agent/AgentLoop.ts"
import { initial } from "#src/agent/rules/AgentState.ts"
import * as RunLog from "#src/agent/run/RunLog.ts"
import * as RunClient from "#src/agent/run/RunClient.ts"
import { CurrentToolPolicy, ToolPolicy, type PolicyRule } from "#src/agent/policy/ToolPolicy.ts"
import { defaults, type Values } from "#src/configuration/Settings.ts"
import type { ChatRequest } from "#src/lmstudio/Chat.ts"
import { ServerFault } from "#src/lmstudio/LmStudioError.ts"
import { CurrentElicitation } from "#src/mcp/Elicitation.ts"
import { CurrentSampling } from "#src/mcp/Sampling.ts"
import { makeRunId } from "#src/observability/Correlation.ts"
import { Effect, Option } from "effect"
import { ensured, task } from "../doubles.ts"

const person = { who: "me", opensPages: true, ask: () => Effect.succeed({ action: "decline" as const }) }

/** A run's client under a policy, and the requests to its model. */
const clientWith = Effect.fnUntraced(function* (
  settings: Partial<Values>,
  rules: ReadonlyArray<PolicyRule> = [],
  approve: boolean | undefined = undefined
) {
  const asked: Array<Omit<ChatRequest, "model">> = []
  const runId = yield* makeRunId
  const log = yield* RunLog.make({
    runId,
    state: initial({ _tag: "RunStarted", task: task(), runId, seq: 0, at: 0 }),
    seq: 1,
    offer: () => {},
    write: () => Effect.succeed(undefined)
  })
  const reply = {
    model: "test/model",
    content: "4",
    reasoning: "",
    toolCalls: [],
    finishReason: "stop",
    usage: { inputTokens: 7, outputTokens: 3 },
    firstTokenMillis: 1,
    totalMillis: 1
  }
  const client = yield* RunClient.make({
    settings: { ...defaults, ...settings },
    log,
    lease: Effect.succeed({
      ensured: Effect.succeed(ensured),
      chatWith: () => Effect.dieMessage("not used"),
      chat: (request) => {
        asked.push(request)
        return request.messages.length === 0
          ? new ServerFault({ operation: "chat", reason: "Unknown", serverMessage: "no messages", delivered: 0 })
          : Effect.succeed(reply)
      }
    })
  }).pipe(
    Effect.provideService(CurrentToolPolicy, new ToolPolicy({ rules, traits: [] })),
    Effect.provideService(CurrentElicitation, Option.some(person)),
    Effect.provideService(
      CurrentApprover,
      Option.map(Option.fromNullable(approve), (yes) => () => Effect.succeed(yes))
    )
  )
  const samplerOf = (server: string) => client(server)(CurrentSampling)
  return { asked, client, log, samplerOf }
})

const question = {
  server: "it",
  messages: [{ role: "user" as const, content: "2+2?" }],
  maxTokens: 5000,
  temperature: undefined,
  stop: undefined
}

describe("RunClient", () => {
  it.effect("refuses sampling by default, and where nobody can be asked", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* (yield* clientWith({})).samplerOf("it")))
      assert.isTrue(Option.isNone(yield* (yield* clientWith({ mcpSampling: "ask" })).samplerOf("it")))
    })
  )

  it.effect("forwards sampling to the run's model where it is allowed, limits its tokens and counts them", () =>
    Effect.gen(function* () {
      const { asked, log, samplerOf } = yield* clientWith({ mcpSampling: "allow", mcpSamplingTokens: 100 })
      const sampler = yield* Effect.flatten(samplerOf("it"))
      assert.deepInclude(yield* sampler.sample(question), { content: "4", model: "test/model" })
      assert.deepInclude(asked[0], { maxTokens: 100, messages: question.messages })
      assert.deepStrictEqual(log.state.usage, { inputTokens: 7, outputTokens: 3 })
      // a failure is reported to the server and does not end the run
      const failed = yield* Effect.flip(sampler.sample({ ...question, messages: [] }))
      assert.deepInclude(failed, { _tag: "SamplingRefused", refused: false })
      assert.include(failed.detail, "no messages")
    })
  )

  it.effect("asks the person first where that is configured, and respects a refusal", () =>
    Effect.gen(function* () {
      const yes = yield* clientWith({ mcpSampling: "ask" }, [], true)
      yield* (yield* Effect.flatten(yes.samplerOf("it"))).sample(question)
      assert.strictEqual(yes.asked.length, 1)
      const no = yield* clientWith({ mcpSampling: "ask" }, [], false)
      const refused = yield* Effect.flip((yield* Effect.flatten(no.samplerOf("it"))).sample(question))
      assert.deepInclude(refused, { refused: true })
      assert.deepStrictEqual(no.asked, [])
    })
  )

  it.effect("applies rules that name the request, but none that apply to all tools of a server", () =>
    Effect.gen(function* () {
      const { client, samplerOf } = yield* clientWith({}, [
        { server: "trusted", tool: "sampling/*", decision: "allow" },
        { server: "nosy", tool: "elicitation/create", decision: "refuse" },
        { server: "other", decision: "allow" }
      ])
      assert.isTrue(Option.isSome(yield* samplerOf("trusted")))
      assert.isTrue(Option.isNone(yield* samplerOf("other")))
      assert.isTrue(Option.isNone(yield* client("nosy")(CurrentElicitation)))
      assert.isTrue(Option.isSome(yield* client("other")(CurrentElicitation)))
    })
  )
})
