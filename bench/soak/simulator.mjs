// LM Studio without delays; its model calls each offered tool once, in order, and is done.
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as SimulatedModel from "@lms-bridge/simulator/SimulatedModel"
import * as Effect from "effect/Effect"
import { standIn } from "../standIn.mjs"

/** The arguments that the tools of the soak need. */
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

standIn(Effect.map(Simulator.start({ model }), ({ baseUrl }) => ({ baseUrl })))
