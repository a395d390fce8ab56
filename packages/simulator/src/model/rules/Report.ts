/** The stand-in's answer: the calls and their results, in a few readable sentences. */
import * as Json from "../../internal/json.ts"
import * as Language from "./Language.ts"
import * as Looking from "./Looking.ts"
import type { Situation, Step } from "./Situation.ts"
import { entriesOf } from "./Situation.ts"

/** How much of a result is repeated, in characters. */
const excerpt = 320

/** `sought` are the clauses that are answered with matching lines. */
export const of = (situation: Situation, sought: ReadonlyArray<string> = []): string => {
  const { steps } = situation
  const searched = sought.length > 0 && steps.some(Looking.isContent)
  const reports = steps
    .filter((step) => !/allowed_directories/.test(step.name) && !(searched && !step.failed))
    .map(stepReport)
  const found = searched ? sought.map((clause) => linesReport(situation, clause)) : []
  const parts = [headline(steps), ...found, ...reports].filter((part) => part !== "")
  // stopped after only listing the folders
  return parts.length === 0
    ? "I am a rule-based stand-in, not a language model, and found nothing to report yet."
    : parts.join("\n\n")
}

/** The answer when nothing was called. */
export const withoutTools = (situation: Situation): string =>
  situation.tools.length === 0
    ? `I am a rule-based stand-in, not a language model, and no tools were offered, so I cannot work on this: "${clip(situation.task, 120)}". A real answer needs a language model in LM Studio.`
    : `I am a rule-based stand-in, not a language model. By its words, none of the ${situation.tools.length} tools offered fits: "${clip(situation.task, 120)}". Name a tool, a path or a quoted string.`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const headline = (steps: ReadonlyArray<Step>): string => {
  const read = steps.filter((step) => !step.failed && /read/.test(step.name)).flatMap(pathsOf)
  const failed = steps.filter((step) => step.failed).length
  const parts = [
    read.length === 0 ? "" : `Read ${count(read.length, "file")}: ${read.map(baseName).join(", ")}.`,
    failed === 0 ? "" : `${count(failed, "call")} failed.`
  ]
  return parts.filter((part) => part !== "").join(" ")
}

const linesReport = (situation: Situation, clause: string): string => {
  const found = Looking.lines(situation, clause)
  const asked = clip(clause, 120)
  return found.length === 0
    ? `No line of what I read has a word of "${asked}" (looked for: ${Language.spokenTerms(clause).join(", ")}). I am a rule-based stand-in and compare words only.`
    : [
        `These lines have most of the words of "${asked}" (I am a rule-based stand-in and compare words only):`,
        ...found.map(({ line, source }) => `- ${source}: ${clip(line.replace(/^[#>*\s-]+/, ""), 160)}`)
      ].join("\n")
}

const stepReport = (step: Step): string => {
  const [path] = pathsOf(step)
  if (step.failed) return `${step.name} failed: ${clip(step.result, excerpt)}`
  const { files, folders } = entriesOf(step.result)
  if (files.length + folders.length > 0) {
    const parts = [
      files.length === 0 ? "" : `${count(files.length, "file")} (${files.join(", ")})`,
      folders.length === 0 ? "" : `${count(folders.length, "folder")} (${folders.join(", ")})`
    ].filter((part) => part !== "")
    return step.partial
      ? `Of the folder ${path ?? ""} I saw only a part, with ${parts.join(" and ")}; it holds more.`
      : `The folder ${path ?? ""} holds ${parts.join(" and ")}.`
  }
  if (/read/.test(step.name) && path !== undefined) {
    const lines = count(step.result.trimEnd().split("\n").length, "line")
    return `${baseName(path)} (${step.partial ? "a part of it" : lines}) says: ${gist(step.result)}`
  }
  return `${step.name} returned: ${step.result.trim() === "" ? "nothing" : clip(step.result, excerpt)}`
}

const pathsOf = (step: Step): ReadonlyArray<string> => {
  const path = Json.stringOf(step.arguments["path"])
  return path === undefined
    ? Json.arrayOf(step.arguments["paths"]).filter((entry) => typeof entry === "string")
    : [path]
}

// Headings and the beginnings of the text under them.
const gist = (text: string): string => {
  const lines = text
    .split("\n")
    .map((line) => line.replace(/^[#>*\s-]+/, "").trim())
    .filter((line) => line !== "")
  return clip(
    lines
      .slice(0, 6)
      .map((line) => (/[.:!?]$/.test(line) ? line : `${line}.`))
      .join(" "),
    excerpt
  )
}

const clip = (text: string, length: number): string => {
  const flat = text.replace(/\s+/g, " ").trim()
  return flat.length <= length ? flat : `${flat.slice(0, flat.lastIndexOf(" ", length)).trimEnd()} …`
}

const baseName = (path: string): string => path.replace(/^.*[\\/]/, "")

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`
