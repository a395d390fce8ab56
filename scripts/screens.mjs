// `node scripts/screens.mjs`: docs/screens.md, what a person sees, captured from a real terminal (`script` of util-linux) of 80
// and of 120 columns, with the built program over its stand-in.
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import xterm from "@xterm/headless"
import { inRoot } from "./workspace.mjs"

const program = inRoot("packages", "cli", "dist", "lms-bridge.js")
// as long as the name that stands for it in the page, so that lines break at the same places
const home = join("/tmp", randomBytes(4).toString("hex").slice(0, 3))
mkdirSync(home)
const folder = join(home, "notes")

/** Runs a command line on a terminal, types each line when the text before it has come, and gives what stands there at the end. */
const screen = (columns, args, typed = []) =>
  new Promise((resolve) => {
    const terminal = new xterm.Terminal({ cols: columns, rows: 60, scrollback: 500, allowProposedApi: true })
    const command = [process.execPath, program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ")
    const child = spawn("script", ["-qfec", `stty cols ${columns} rows 60; ${command}`, "/dev/null"], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: home,
        TERM: "xterm-256color",
        LMS_BRIDGE_PROBE: "off",
        NO_UPDATE_NOTIFIER: "1"
      }
    })
    let seen = ""
    const left = [...typed]
    const next = () => {
      const [waits, keys] = left[0] ?? []
      if (waits === undefined || !seen.includes(waits)) return
      left.shift()
      seen = ""
      setTimeout(() => child.stdin.write(keys), 300)
    }
    child.stdout.setEncoding("utf8").on("data", (text) => {
      seen += text
      terminal.write(text, next)
    })
    const tooLong = setTimeout(() => child.kill(), 90_000)
    child.on("close", () => {
      clearTimeout(tooLong)
      terminal.write("", () => {
        const { active } = terminal.buffer
        const lines = Array.from(
          { length: active.length },
          (_, row) => active.getLine(row)?.translateToString(true) ?? ""
        )
        resolve(lines.join("\n").trim())
      })
    })
  })

/** What differs from run to run; the terminal may break a path anywhere. */
const settled = (text) =>
  text
    .replaceAll(new RegExp([...home].map((character) => `${character}(\\n?)`).join(""), "g"), (_, ...breaks) =>
      [..."/home/me"].map((character, index) => `${character}${breaks[index]}`).join("")
    )
    .replaceAll("/tmp/…", "/home…")
    .replaceAll(new RegExp([...`node ${program}`].join("\\n?"), "g"), "lms-bridge")
    .replaceAll(/run_[a-z0-9]{16}/g, "run_abcdefghijklmnop")

const files = ["--files", ".", "--stand-in", "always"]
const pictures = [
  ["A run, 80 columns", 80, ["run", "List the files in this folder", ...files]],
  [
    "A call that asks, with the change that it would make",
    80,
    ["run", "Write 'Bees like clover.' to bees.md", ...files],
    [
      ["details:", "d\r"],
      ["details:", "y\r"]
    ]
  ],
  [
    "A chat, 120 columns",
    120,
    ["chat", ...files],
    [
      ["›", "List the files in this folder\r"],
      ["written", "/context\r"],
      ["free.", "/help\r"],
      ["as Ctrl-D", "\u0004"]
    ]
  ],
  ["Servers, 80 columns", 80, ["mcp", "ls"]],
  ["Servers, 120 columns", 120, ["mcp", "ls"]],
  ["Help of a command", 80, ["models", "ensure", "--help"]]
]

try {
  mkdirSync(folder)
  writeFileSync(join(folder, "bees.md"), "Bees like heather.\n")
  writeFileSync(join(folder, "ants.md"), "Ants like sugar.\n")
  const server = (name, ...args) => ({ command: "npx", args: ["-y", `@modelcontextprotocol/server-${name}`, ...args] })
  writeFileSync(
    join(home, ".mcp.json"),
    JSON.stringify({
      mcpServers: { files: server("filesystem", folder), memory: server("memory"), gone: { command: "uvxx" } }
    })
  )
  const parts = []
  for (const [title, columns, args, typed] of pictures) {
    console.log(title)
    parts.push(`## ${title}\n\n\`\`\`\n${settled(await screen(columns, args, typed))}\n\`\`\`\n`)
  }
  writeFileSync(
    inRoot("docs", "screens.md"),
    `# What you see\n\nWritten by \`node scripts/screens.mjs\` from a real terminal. The model is the rule-based stand-in.\n\n${parts.join("\n")}`
  )
} finally {
  rmSync(home, { recursive: true, force: true })
}
