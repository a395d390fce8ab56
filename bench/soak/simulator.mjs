// LM Studio without delays, with a model that calls each tool it is offered once, in their order, and is done.
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as SimulatedModel from "@lms-bridge/simulator/SimulatedModel"
import * as Effect from "effect/Effect"

/** What the tools of the soak need. */
const argumentsOf = (name) => {
  if (name.endsWith("echo")) return { message: "still there?" }
  if (name.endsWith("list_directory")) return { path: process.env.LMS_BRIDGE_SOAK_FOLDER }
  return {}
}

const model = SimulatedModel.fromFunction(({ messages, tools }) => {
  const answered = messages.filter(({ role }) => role === "tool").length
  const next = tools[answered]
  if (next === undefined) return { text: `${answered} tools answered.` }
  return { toolCalls: [{ name: next.name, arguments: argumentsOf(next.name) }] }
}, "a model for the soak")

const main = Effect.gen(function* () {
  const { baseUrl } = yield* Simulator.start({ model })
  process.send({ baseUrl })
  yield* Effect.async((resume) => {
    process.once("SIGTERM", () => resume(Effect.void))
    process.once("disconnect", () => resume(Effect.void))
  })
})

Effect.runPromise(main.pipe(Effect.scoped, Effect.provide(NodeContext.layer))).then(
  () => process.exit(0),
  (error) => process.send({ error: String(error) }, () => process.exit(1))
)
