/**
 * Shows how the tools of a server have changed since they were trusted.
 */
import { ToolLock, type ToolReview } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import type * as Palette from "./Palette.ts"

/** Loads the diff library on first use: few commands need it. */
export const render = Effect.fnUntraced(function* (review: ToolReview, palette: Palette.Palette) {
  const { structuredPatch } = yield* Effect.promise(() => import("diff"))
  const changed = ({ before, change, tool }: ToolReview["withheld"][number]) => {
    const old = before === undefined ? "" : textOf(before)
    const { hunks } = structuredPatch("", "", old, textOf(ToolLock.definitionOf(tool)), "", "", { context: 2 })
    const lines = hunks.flatMap(({ lines }, index) => [...(index === 0 ? [] : ["  …"]), ...lines])
    return [
      palette.strong(`${visible(tool.name)} (${change})`),
      ...lines.filter((line) => !line.startsWith("\\")).map((line) => `  ${colored(palette, line)}`)
    ]
  }
  return [
    ...review.withheld.flatMap(changed),
    ...review.removed.map((name) => palette.strong(`${visible(name)} (removed)`))
  ].join("\n")
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const colored = (palette: Palette.Palette, line: string): string =>
  line.startsWith("+") ? palette.good(line) : line.startsWith("-") ? palette.bad(line) : line

/** One fact per line, so that the diff shows the change and not all around it. */
const textOf = ({ annotations, description, inputSchema, outputSchema, title }: ToolLock.ToolDefinition): string =>
  [
    ...(title === undefined ? [] : [`title: ${title}`]),
    "description:",
    ...description.split("\n").flatMap((line) => wrapped(line).map((part) => `  ${part}`)),
    `arguments: ${ToolLock.readable(inputSchema)}`,
    ...(outputSchema === undefined ? [] : [`result: ${ToolLock.readable(outputSchema)}`]),
    `claims: ${ToolLock.readable(annotations)}`
  ]
    .flatMap((text) => text.split("\n"))
    .map(visible)
    .join("\n")

const width = 96

const wrapped = (line: string): ReadonlyArray<string> => {
  const lines: Array<string> = [""]
  for (const word of line.split(/(?<= )/)) {
    const last = lines.at(-1) ?? ""
    if (last !== "" && last.length + word.trimEnd().length > width) lines.push(word)
    else lines[lines.length - 1] = last + word
  }
  return lines.map((text) => text.trimEnd())
}

/** Invisible characters are written out: they can hide instructions to a model. */
const visible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu, (character) =>
    character === "\t" ? "\t" : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  )
