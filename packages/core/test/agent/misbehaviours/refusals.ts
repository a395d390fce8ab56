import { isAcceptable } from "@lms-bridge/core/agent/shapes/SentSchema"
import { Effect } from "effect"
import { call, tool } from "../doubles.ts"
import type { Misbehaviour } from "./Misbehaviour.ts"

const says = () => Effect.succeed("ran")

const union = {
  anyOf: [
    { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
    { type: "object", properties: { number: { type: "integer" } }, required: ["number"] }
  ]
}

export const refusals: ReadonlyArray<Misbehaviour> = [
  {
    what: "a tool whose schema LM Studio does not take: `{}`, no `properties`, a list of them, a union, `required: null`",
    does: "sends a form that it takes; arguments are validated against what the server lists",
    world: {
      turns: [[call("find", { number: "x" }), call("find", { number: 3 })], "done"],
      servers: {
        main: {
          find: tool(says, union),
          none: tool(says, {}),
          php: tool(says, { type: "object", properties: [], required: [] }),
          odd: tool(says, { type: ["object", "null"], properties: { a: true, b: null }, required: null })
        }
      }
    },
    check: ({ ran, sent, told }) =>
      ran.length === 1 &&
      told[0]?.includes("was not run") === true &&
      sent.every(({ tools }) => tools?.length === 4 && tools.every(({ parameters }) => isAcceptable(parameters)))
  }
]
