// The servers of a task: how they are started, as an mcp.json has it, and as connections for the loops that have no such file.
import { createRequire } from "node:module"
import { inRoot } from "../../../scripts/workspace.mjs"
import { officialServer } from "../../servers.mjs"
import { pythonServer } from "../home.mjs"

const require = createRequire(inRoot("packages", "core", "package.json"))

/** Entries of an mcp.json by name. */
export const entriesOf = ({ servers }, { folder, memoryFile }) =>
  Object.fromEntries(servers.map((name) => [name, entry(name, { folder, memoryFile })]))

const entry = (name, { folder, memoryFile }) => {
  switch (name) {
    case "filesystem":
      return officialServer("server-filesystem", folder)
    case "memory":
      return { ...officialServer("server-memory"), env: { MEMORY_FILE_PATH: memoryFile } }
    case "everything":
      return officialServer("server-everything", "stdio")
    case "office":
      return { command: process.execPath, args: [inRoot("bench", "real", "servers", "office.mjs")] }
    case "fetch":
      // the pages of the tasks are on loopback
      return { command: pythonServer("fetch"), args: ["--allow-private-ips", "--ignore-robots-txt"] }
    default:
      return { command: pythonServer(name), args: [] }
  }
}

/** Connections to servers by the SDK alone: their tools under names of their own, and a call that gives text. */
export const connect = async (entries) => {
  const { Client } = require("@modelcontextprotocol/sdk/client/index.js")
  const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js")
  const clients = []
  const tools = []
  for (const [server, { args, command, env }] of Object.entries(entries)) {
    const client = new Client({ name: "bench", version: "1.0.0" })
    await client.connect(
      new StdioClientTransport({
        command,
        args,
        env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
        stderr: "ignore"
      })
    )
    clients.push(client)
    for (const { description, inputSchema, name } of (await client.listTools()).tools) {
      const call = async (input) => {
        try {
          const result = await client.callTool({ name, arguments: input ?? {} })
          const text = result.content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join("\n")
          return { text: result.isError === true ? `Error: ${text}` : text, isError: result.isError === true }
        } catch (error) {
          return { text: `Error: ${error.message}`, isError: true }
        }
      }
      tools.push({ server, name, description: description ?? "", inputSchema, call })
    }
  }
  return { tools, close: () => Promise.all(clients.map((client) => client.close())) }
}
