/** One finding of a check. */
import { present } from "@lms-bridge/core/Json"
import * as Schema from "effect/Schema"

/**
 * `problem`: something does not work; `notice`: worth knowing. `next` says what to do; `code` is the exit code of a
 * command that needs it.
 */
export const Finding = Schema.Struct({
  area: Schema.Literal(
    "system",
    "LM Studio",
    "lms",
    "models",
    "mcp.json",
    "servers",
    "skills",
    "clients",
    "breakers",
    "settings",
    "policy",
    "runs"
  ),
  level: Schema.Literal("ok", "notice", "problem"),
  what: Schema.String,
  next: Schema.optionalWith(Schema.String, { exact: true }),
  code: Schema.optionalWith(Schema.Int, { exact: true })
})
export type Finding = typeof Finding.Type
export type Area = Finding["area"]

export const ok = (area: Area, what: string): Finding => ({ area, level: "ok", what })

export const notice = (area: Area, what: string, next?: string): Finding => ({
  area,
  level: "notice",
  what,
  ...present({ next })
})
