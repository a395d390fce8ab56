/**
 * What a client is told about delegating to the local model: as a skill, and as a subagent in the client's format. Pure.
 * Every name in backticks is a tool of the MCP server, one of its arguments, or a status of a run.
 */

/** `markdown`: YAML between lines of dashes, then the text. */
export type AgentFormat = "claude" | "cursor" | "gemini" | "opencode" | "copilot" | "codex"

/** The name of the skill and of the subagent, of lower-case letters, digits and dashes. */
export const nameOf = (server: string): string =>
  `${server
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")}-delegate`

/** What the head of the skill says that it is for. */
export const description = (server: string): string => `${what(server)} ${when}`

/** A SKILL.md. `server` is the name of the entry. */
export const skill = (server: string): string =>
  marked(
    `---\nname: ${nameOf(server)}\ndescription: ${JSON.stringify(description(server))}\n---\n`,
    `# Delegate to the local model\n\n${guide(server)}`,
    html
  )

/** A subagent, which delegates and returns the answer alone. */
export const agent = (format: AgentFormat, server: string): string => {
  const told = JSON.stringify(description(server))
  const name = nameOf(server)
  const text = `${role(server)}\n\n${guide(server)}`
  const markdown = (fields: ReadonlyArray<string>) => marked(`---\n${[...fields].join("\n")}\n---\n`, text, html)
  switch (format) {
    case "claude":
      return markdown([`name: ${name}`, `description: ${told}`, `tools: ${claudeTools(server).join(", ")}`])
    case "cursor":
      return markdown([`name: ${name}`, `description: ${told}`, "model: inherit"])
    case "gemini":
      return markdown([`name: ${name}`, `description: ${told}`, "kind: local"])
    case "copilot":
      return markdown([`name: ${name}`, `description: ${told}`])
    case "opencode":
      return markdown([`description: ${told}`, "mode: subagent"])
    case "codex":
      return marked(
        "",
        `name = ${JSON.stringify(name)}\ndescription = ${told}\ndeveloper_instructions = '''\n${text}'''\n`,
        (hash) => `# ${mark} ${hash}`
      )
  }
}

/** Whether a text is as lms-bridge has written it, in this version or in another one. */
export const isUnchanged = (text: string): boolean => {
  const [line, hash] =
    /^(?:<!-- |# )written by lms-bridge install --delegate, ([0-9a-f]{8})(?: -->)?$/m.exec(text) ?? []
  return line !== undefined && hash === hashOf(text.replace(line, ""))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const what = (server: string) => `Hands work to the local model in LM Studio, through the MCP server "${server}".`

const when =
  "Use it when a short answer needs much reading (folders, logs, long pages), when one small step is repeated over many items, or when the data must not leave this machine. Not for small edits, design, or code that must be right at once."

const role = (server: string) =>
  `You hand work to the local model with the tools of the MCP server "${server}", check its answer, and return it with the places it comes from. You do not do the work yourself, and change no file.`

/** With what it needs to find paths and to check an answer. */
const claudeTools = (server: string) => [
  "Read",
  "Grep",
  "Glob",
  ...tools.map((tool) => `mcp__${server.replaceAll(/[^A-Za-z0-9_-]/g, "_")}__${tool}`)
]

const tools = [
  "autonomous_filesystem_full",
  "autonomous_fetch_full",
  "autonomous_with_mcp",
  "autonomous_with_multiple_mcps",
  "chat_completion",
  "run_start",
  "run_status",
  "run_result",
  "run_cancel",
  "list_available_mcps",
  "health_check"
] as const

const guide = (server: string) => `## What to delegate

- reading and searching more than should fill your own context: folders, logs, long pages
- one small step over many items: classify, extract, summarise, translate, draft
- data that must not leave this machine; then do not read it yourself, not even to check

Not: an edit or a question that takes you one or two calls; design, security review, or code that must be right at once; what
depends on this conversation; deletions, payments, messages to other people.

## How to ask

The model is small, has little context, and sees nothing of this conversation.

- One task per call, complete in itself: absolute paths, what to look for, what to leave out, the form of the answer.
- Give paths, not contents: it reads files itself.
- Ask for file names and line numbers with each claim, so that it can be checked.

## Which tool

Tools of the MCP server "${server}"; the settings of the server may leave some out.

- files: \`autonomous_filesystem_full\` with \`working_directory\`; web pages whose addresses are known: \`autonomous_fetch_full\`
- one server of the user: \`autonomous_with_mcp\`; several: \`autonomous_with_multiple_mcps\`; \`list_available_mcps\` has the names
- text that fits the prompt, without tools: \`chat_completion\`
- minutes of work, or several tasks side by side: \`run_start\`, once for each task

## How to wait

\`run_start\` returns \`runId\` at once, and a long call may return with status \`running\`: go on with other work, then call
\`run_result\` with \`run_id\`; it waits up to \`wait_seconds\`. Ask again while the status is \`running\`. \`run_status\` shows all
runs, \`run_cancel\` stops one.

- \`done\`: the answer is complete
- \`budget\`, \`stalled\`: it is the best there was; say so, or split the task
- \`failed\`, \`unfinished\`: the message says why and what to do; \`health_check\` shows what is missing. Do not repeat the same call.

## After that

Check one or two claims at their places before you rely on the answer, unless the data must stay unread. Say which part is the
local model's.
`

const mark = "written by lms-bridge install --delegate,"

const html = (hash: string) => `<!-- ${mark} ${hash} -->`

/** The mark stands under the head; its hash is that of the text around it. */
const marked = (head: string, text: string, comment: (hash: string) => string) =>
  `${head}${comment(hashOf(`${head}\n${text}`))}\n${text}`

/** FNV-1a: tells a text that somebody has edited from one that nobody has. */
const hashOf = (text: string): string => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text.replaceAll("\r\n", "\n"))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  }
  return hash.toString(16).padStart(8, "0")
}
