// Asks every request in a run of its own, and looks for the right tool in what the model was told first.
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { inRoot } from "../../scripts/workspace.mjs"
import { summary } from "../measure.mjs"
import { writeMcpJson } from "../servers.mjs"
import { withWorkers } from "../workers.mjs"
import { halves } from "./requests.mjs"

export const forms = { bound: "qwen2.5-coder-1.5b-instruct", native: "qwen/qwen3-4b-2507" }

const lists = inRoot("bench", "sight", "tools")

/** The tools by the name that a run with all servers gives them. */
export const tools = readdirSync(lists).flatMap((file) => {
  const server = file.replace(".json", "")
  return JSON.parse(readFileSync(join(lists, file), "utf8")).map(({ name }) => ({ server, name }))
})

/**
 * The figures by half, and the requests of the half that may be looked at whose tool had no signature. `before` may put a
 * proxy before the simulator; without one, tools are ranked by words.
 */
export const measured = ({ before, form }) =>
  withWorkers(async ({ folder, start }) => {
    const mcpJson = writeMcpJson(
      folder,
      Object.fromEntries(
        readdirSync(lists).map((file) => [
          file.replace(".json", ""),
          { command: process.execPath, args: [inRoot("bench", "sight", "server.mjs"), join(lists, file)] }
        ])
      )
    )
    const simulator = await start("sight/simulator", {})
    const baseUrl = (await before?.(simulator.first.baseUrl)) ?? simulator.first.baseUrl
    const ours = await start("sight/ours", {
      LMSTUDIO_BASE_URL: baseUrl,
      LMS_BRIDGE_LMS_BINARY: simulator.first.lmsBinary,
      LMS_BRIDGE_DATA_DIR: join(folder, "data"),
      LMS_BRIDGE_PROBE: "off",
      MCP_JSON_PATH: mcpJson
    })
    const result = {}
    for (const [half, requests] of Object.entries(halves)) {
      const answers = []
      for (const { text, tools: right } of requests) {
        const run = await ours.ask({ text, model: forms[form], embeddings: before !== undefined })
        const { lists, ...told } = seen(await simulator.ask({}))
        const [tokens, tokensOfTask] = await simulator.ask({ count: lists })
        const names = right.map(nameOf)
        const places = names.map((name) => run.ranked.indexOf(name) + 1).filter((place) => place > 0)
        answers.push({
          text,
          right,
          ...run,
          ...told,
          tokens,
          tokensOfTask,
          inSight: names.some((name) => told.names.has(name)),
          withSignature: names.some((name) => told.signatures.has(name)),
          place: Math.min(...places, 999)
        })
      }
      result[half] = answers
    }
    return result
  })

/** Percents and medians over answers. */
export const figures = (answers) => {
  const share = (of) => (100 * answers.filter(of).length) / answers.length
  const median = (of) => summary(answers.map(of)).median
  return {
    requests: answers.length,
    inSight: share(({ inSight }) => inSight),
    withSignature: share(({ withSignature }) => withSignature),
    first: (most) => share(({ place }) => place <= most),
    signatures: median(({ signatures }) => signatures.size),
    tokens: median(({ tokens }) => tokens),
    tokensOfTask: median(({ tokensOfTask }) => tokensOfTask),
    millis: median(({ millis }) => millis),
    slowest: Math.max(...answers.map(({ millis }) => millis))
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nameOf = (tool) => {
  const { name, server } = tools.find(({ name }) => name === tool)
  return `${server}__${name}`
}

/** What a first request shows of tools: all names, those with parameters, and the tokens of both, for this task and in all. */
const seen = ({ messages, tools: native }) => {
  const text = messages.map(({ text }) => text).join("\n")
  const lines = text.split("\n").filter((line) => /^- \S+ \{/.test(line))
  const signatures = new Set(
    [...lines.map((line) => line.slice(2, line.indexOf(" {"))), ...native.map(({ name }) => name)].filter((name) =>
      name.includes("__")
    )
  )
  const listed = [text, ...native.map(({ description }) => description)].join("\n")
  const names = new Set([
    ...signatures,
    ...tools.filter((tool) => isListed(listed, tool)).map(({ name, server }) => `${server}__${name}`)
  ])
  const named = listed.split("\n").filter((line) => tools.filter((tool) => isListed(line, tool)).length > 3)
  const last = messages.findLast(({ role }) => role === "user")?.text ?? ""
  return {
    signatures,
    names,
    lists: [
      [...lines, ...named, ...native.map((tool) => JSON.stringify(tool))].join("\n"),
      lines.filter((line) => last.includes(line)).join("\n")
    ]
  }
}

/** Whether a list of names has the tool: with its server, or in the line of its server. */
const isListed = (text, { name, server }) =>
  new RegExp(`(?:^|[ ,:])${server}__${name}(?=[,.\\s]|$)`, "m").test(text) ||
  new RegExp(`^${server}__(?:: | )(?:.*, )?${name}(?:,|\\.|$)`, "m").test(text)
