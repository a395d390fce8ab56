// A run with all servers, of which only the first request matters; and the same conversation with all of their tools.
import { AgentLoop } from "@lms-bridge/core/AgentLoop"
import { systemMessage } from "../../packages/core/src/agent/run/SystemMessage.ts"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { runtime, serve } from "../runtime.mjs"

const text = "Read every text file in the folder and write a summary of them to summary.txt."

const task = {
  task: text,
  model: "qwen/qwen3-4b-2507",
  servers: { _tag: "All" },
  budgets: { rounds: 3, wallMillis: 120_000, toolCalls: 10 }
}

const measure = Effect.gen(function* () {
  const loop = yield* AgentLoop
  const registry = yield* McpRegistry
  const api = yield* LmStudioApi
  let offered
  let chosen
  yield* Stream.runForEach(loop.run(task), (event) =>
    Effect.sync(() => {
      if (event._tag === "ToolsOffered") offered = event.offered.length
      if (event._tag === "ModelReplied") chosen ??= event.reply.usage.inputTokens
      if (event._tag === "RunFinished" && event.outcome.status !== "done")
        throw new Error(JSON.stringify(event.outcome))
    })
  )
  const servers = yield* registry.servers
  const lists = yield* Effect.forEach(servers, ({ name }) => registry.tools(name))
  const tools = lists.flat().map(({ description, inputSchema, name, server }) => ({
    name: `${server}__${name}`,
    description,
    parameters: inputSchema
  }))
  const { usage } = yield* api.chat({
    model: "roomy",
    messages: [
      { role: "system", content: systemMessage({}, { tools: true }) },
      { role: "user", content: text }
    ],
    tools
  })
  return { chosen, offered, tools: tools.length, all: usage.inputTokens }
})

serve(() => runtime.runPromise(measure))
