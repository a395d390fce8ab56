/**
 * The user's skills for the model: a line for each in the system message, and a tool that opens one. Pure, but for reading
 * the file.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Context from "effect/Context"
import { stringify } from "../../json/ExactJson.ts"
import type { ToolCall } from "../../lmstudio/Chat.ts"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import type { ToolResult } from "../../mcp/ToolResult.ts"
import { nearest } from "../../names/nearest.ts"
import type { Skills } from "../../skills/Skills.ts"
import { mostOfAll, mostOfOne } from "../../skills/SkillsTravel.ts"
import type { SkillLine } from "../AgentTask.ts"
import * as Artifacts from "./Artifacts.ts"
import * as Builtins from "./Builtins.ts"

export const name = "open_skill"

export const tool: McpTool = {
  server: Builtins.serverName,
  name,
  description: "Opens one of the user's skills, or a file of it.",
  inputSchema: {
    type: "object",
    properties: {
      name: { type: "string", description: "The skill." },
      file: { type: "string", description: "A file that the skill names; left out, the skill itself." },
      line: { type: "integer", minimum: 1, description: "First line, to read on." }
    },
    required: ["name"]
  },
  annotations: { readOnly: true, openWorld: false }
}

/** The call that a call of a skill by its name asks for, as small models make it; any other call as it is. */
export const meant = (call: ToolCall, skills: ReadonlyArray<string>): ToolCall => {
  const skill = skills.find((skill) => skill === call.name || skill.replaceAll("-", "_") === call.name)
  return skill === undefined ? call : { ...call, name, arguments: stringify({ name: skill }) }
}

/**
 * What the system message says of the skills, within so many tokens: each with what it is for, shorter or by name alone
 * where there are many. The same for the same skills and the same limit.
 */
export const paragraph = (skills: ReadonlyArray<SkillLine>, tokens: number): string => {
  if (skills.length === 0) return ""
  const told = lengths.map((most) => skills.map(({ description, name }) => `- ${name}${shortened(description, most)}`))
  const fitting = told.find((lines) => TokenCount.ofText(lines.join("\n")) <= tokens)
  const isGiven = skills.every((skill) => skill.given !== undefined)
  return `${isGiven ? headingOfGiven : heading}\n${(fitting ?? namesWithin(skills, tokens)).join("\n")}`
}

/** Tokens for the lines in a context of this length. */
export const tokensFor = (contextLength: number | undefined): number =>
  contextLength === undefined ? 400 : Math.min(1500, Math.floor(contextLength * share))

/**
 * Skills that the person named for the task, each with its beginning: a small model that is told of them does not open them by
 * itself. What does not fit in a small context is opened with the tool.
 */
export const given = (
  skills: ReadonlyArray<SkillLine>,
  files: Parameters<typeof call>[1]
): Effect.Effect<ReadonlyArray<SkillLine>> =>
  Effect.forEach(skills, (skill) =>
    Effect.map(call([skill], files, { name: skill.name }, Math.floor(givenBytes / skills.length)), (opened) => {
      const [part] = opened.content
      return opened.isError || part?.type !== "text" ? skill : { ...skill, given: part.text }
    })
  )

/** Skills with their texts, one after the other as far as they fit; one that is cut says so at its end. */
export const packed = (
  skills: ReadonlyArray<SkillLine>,
  files: Pick<Context.Tag.Service<typeof Skills>, "read">
): Effect.Effect<ReadonlyArray<SkillLine>> =>
  Effect.map(
    Effect.mapAccum(skills, mostOfAll, (room, skill) =>
      Effect.map(files.read(skill, "SKILL.md"), (read): readonly [number, SkillLine] => {
        const text = Either.isRight(read) ? textOf(read.right) : undefined
        if (text === undefined) return [room, skill]
        const most = Math.min(room, mostOfOne)
        const bytes = new TextEncoder().encode(text)
        if (bytes.length <= most) return [room - bytes.length, { ...skill, text }]
        const { written } = new TextEncoder().encodeInto(text, new Uint8Array(most))
        return [
          room - most,
          { ...skill, text: `${new TextDecoder().decode(bytes.subarray(0, written))}\n${leftBehind}` }
        ]
      })
    ),
    ([, all]) => all
  )

/** Opens a skill, or a file of it, from a line on; a part that does not fit says how to go on. */
export const call = (
  skills: ReadonlyArray<SkillLine>,
  files: Pick<Context.Tag.Service<typeof Skills>, "files" | "read">,
  args: Readonly<Record<string, unknown>>,
  maxBytes: number
): Effect.Effect<ToolResult> =>
  Effect.gen(function* () {
    const wanted = String(args["name"] ?? "").trim()
    const skill = skills.find(({ name }) => name === wanted) ?? nearOf(skills, wanted)
    if (skill === undefined) {
      return Either.left(
        `There is no skill "${wanted.slice(0, 80)}". There are: ${skills.map(({ name }) => name).join(", ")}.`
      )
    }
    const file = String(args["file"] ?? "").trim()
    const isWhole = file === "" || file === "SKILL.md"
    if (skill.text !== undefined && !isWhole) {
      return Either.left(
        `Only the skill itself went with this run: its file "${file}" lies on the machine that handed the run in.`
      )
    }
    const others = skill.text === undefined ? (yield* files.files(skill)).slice(1) : []
    const read =
      skill.text === undefined
        ? yield* files.read(skill, isWhole ? "SKILL.md" : file)
        : Either.right(new TextEncoder().encode(skill.text))
    if (Either.isLeft(read)) {
      if (isWhole) return Either.left(`The skill ${skill.name} cannot be read: ${skill.path} is not on this machine.`)
      return Either.left(
        `${read.left} ${others.length === 0 ? "It has no other files." : `It has ${others.join(", ")}.`}`
      )
    }
    const text = textOf(read.right)
    if (text === undefined) return Either.left(`The file "${file}" is no text.`)
    const { bodyOf } = yield* Effect.promise(() => import("../../skills/SkillText.ts"))
    const line = typeof args["line"] === "number" ? args["line"] : 1
    const listed = isWhole && line === 1 && others.length > 0 ? `\n[${filesOf(others)}]` : ""
    const title = file === "" ? `The skill ${skill.name}` : `${file} of the skill ${skill.name}`
    const shown = isWhole ? bodyOf(text) : text
    const room = Math.max(200, maxBytes - listed.length)
    // nothing is said of parts where there is one
    if (line === 1 && new TextEncoder().encode(shown).length <= room) return Either.right(`${shown}${listed}`)
    return Either.map(Artifacts.read(title, shown, { line, lines: Infinity }, room), (part) => `${part}${listed}`)
  }).pipe(
    Effect.map((text) => ({ content: [{ type: "text", text: Either.merge(text) }], isError: Either.isLeft(text) }))
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Bytes of the skills that are named for a task: about 850 tokens. */
const givenBytes = 3000

const leftBehind = "[The rest is too long to go with a run to another machine.]"

/** Of the context, for the lines. */
const share = 0.05

const heading = `Skills are the user's own instructions for kinds of work. If the task is of one of these kinds, your first call is ${name} with its name; then do as it says.`

/** Characters of a description, longest first. */
const lengths: ReadonlyArray<number> = [300, 140, 80, 40, 0]

const headingOfGiven = `Skills are the user's own instructions, given with the task. ${name} shows what is left of one, and its files.`

const shortened = (description: string, most: number): string => {
  if (most === 0) return ""
  if (description.length <= most) return `: ${description}`
  const sentence = /^.+?[.!?](?=\s)/.exec(description.slice(0, most))?.[0]
  return `: ${sentence ?? `${description.slice(0, most - 1).replace(/\s+\S*$/, "")}…`}`
}

/** As many names as fit, on one line, and how many there are besides. */
const namesWithin = (skills: ReadonlyArray<SkillLine>, tokens: number): ReadonlyArray<string> => {
  const names: Array<string> = []
  for (const { name } of skills) {
    if (TokenCount.ofText([...names, name].join(", ")) > tokens - roomForRest) break
    names.push(name)
  }
  const left = skills.length - names.length
  return [`${names.join(", ")}${left === 0 ? "" : `, and ${left} more`}`]
}

const roomForRest = 8

/** The skill that can only be meant. */
const nearOf = (skills: ReadonlyArray<SkillLine>, wanted: string): SkillLine | undefined => {
  const [only, ...more] = nearest(
    wanted,
    skills.map(({ name }) => name)
  )
  return more.length > 0 ? undefined : skills.find(({ name }) => name === only)
}

const filesOf = (files: ReadonlyArray<string>): string => {
  const shown = files.slice(0, 12)
  const rest = files.length - shown.length
  return `Other files of it, for "file": ${shown.join(", ")}${rest === 0 ? "" : `, and ${rest} more`}`
}

/** Undefined for what is no text. */
const textOf = (bytes: Uint8Array): string | undefined => {
  const text = new TextDecoder().decode(bytes)
  return text.includes("\0") ? undefined : text.replaceAll("\r\n", "\n")
}
