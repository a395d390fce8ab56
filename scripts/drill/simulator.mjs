// LM Studio's stand-in: its model calls the tools that the task names, one after another, and says "Done.".
import { createRequire } from "node:module"
import { inRoot } from "../workspace.mjs"

const dist = (file) => import(inRoot("packages", file))
const of = (name) => import(createRequire(inRoot("packages/node/package.json")).resolve(name))
const Effect = await of("effect/Effect")
const NodeContext = await of("@effect/platform-node/NodeContext")
const { start } = await dist("simulator/dist/Simulator.js")
const { fromFunction } = await dist("simulator/dist/model/SimulatedModel.js")

const model = fromFunction(({ messages, tools }) => {
  const said = messages.filter(({ role }) => role === "user").map(({ text }) => /\[(\w+)\]([\w ]+)/.exec(text))
  const [, run, words] = said.find((found) => found !== null) ?? []
  if (run === undefined || tools.length === 0) return { text: "Done." }
  const step = messages.filter(({ role, toolCalls }) => role === "assistant" && toolCalls.length > 0).length
  const word = words.trim().split(/\s+/)[step]
  const tool = tools.find(({ name }) => name === word || name.endsWith(`__${word}`))
  return tool === undefined
    ? { text: "Done." }
    : { toolCalls: [{ name: tool.name, arguments: { run, step } }], delayMs: Number(process.env.DRILL_DELAY ?? 100) }
})

await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const simulator = yield* start({
        model,
        port: Number(process.env.DRILL_PORT ?? 0),
        settings: { loadTime: process.env.DRILL_LOAD_TIME ?? "3 seconds", tokenDelay: 0, promptProcessing: 0 }
      })
      process.send({ baseUrl: simulator.baseUrl, lmsBinary: simulator.lmsBinary })
      process.once("disconnect", () => process.exit(0))
      return yield* Effect.never
    })
  ).pipe(Effect.provide(NodeContext.layer))
)
