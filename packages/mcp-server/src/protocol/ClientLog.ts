/**
 * Log lines for MCP clients that ask for them. Pure.
 */
import * as Inspectable from "effect/Inspectable"
import * as LogLevel from "effect/LogLevel"

/** MCP's levels, lowest first. */
export const levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] as const
export type Level = (typeof levels)[number]

export const levelOf = (level: LogLevel.LogLevel): Level =>
  LogLevel.lessThan(level, LogLevel.Info)
    ? "debug"
    : LogLevel.lessThan(level, LogLevel.Warning)
      ? "info"
      : LogLevel.lessThan(level, LogLevel.Error)
        ? "warning"
        : LogLevel.lessThan(level, LogLevel.Fatal)
          ? "error"
          : "critical"

export const isAtLeast = (level: Level, least: Level): boolean => levels.indexOf(level) >= levels.indexOf(least)

/** Values that hide themselves in logs (`Redacted`) stay hidden. */
export const dataOf = (
  message: unknown,
  annotations: Iterable<readonly [string, unknown]>
): Record<string, unknown> => {
  const parts = Array.isArray(message) ? message : [message]
  const facts = parts.filter((part) => typeof part === "object" && part !== null)
  return {
    message: parts
      .filter((part) => typeof part !== "object" || part === null)
      .map(String)
      .join(" "),
    ...Object.assign({}, ...facts.map(Inspectable.toJSON)),
    ...Object.fromEntries([...annotations].map(([key, value]) => [key, Inspectable.toJSON(value)]))
  }
}
