// The MCP servers of the benchmarks: ours as built, the bare one as installed and as one bundle, and official ones.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { executables, inRoot } from "../scripts/workspace.mjs"
import { listTools, sleep, toInitialized } from "./measure.mjs"

const require = createRequire(inRoot("package.json"))

/** An official MCP server's entry in an mcp.json, started by Node itself rather than through npx. */
export const officialServer = (name, ...args) => ({
  command: process.execPath,
  args: [join(dirname(require.resolve(`@modelcontextprotocol/${name}/package.json`)), "dist", "index.js"), ...args]
})

/** Two entries each of the official servers for files, memory and everything. */
export const sixServers = (folder, files = folder) => {
  const memory = (name) => ({
    ...officialServer("server-memory"),
    env: { MEMORY_FILE_PATH: join(folder, `${name}.jsonl`) }
  })
  return {
    "files-a": officialServer("server-filesystem", files),
    "files-b": officialServer("server-filesystem", files),
    "memory-a": memory("a"),
    "memory-b": memory("b"),
    "everything-a": officialServer("server-everything", "stdio"),
    "everything-b": officialServer("server-everything", "stdio")
  }
}

/** Writes an mcp.json with these servers, and returns its path. */
export const writeMcpJson = (folder, mcpServers, name = "mcp.json") => {
  const file = join(folder, name)
  writeFileSync(file, JSON.stringify({ mcpServers }, null, 2))
  return file
}

export const prepareServers = async () => {
  const { build } = await import("esbuild")
  const folder = mkdtempSync(join(tmpdir(), "lms-bridge-bench-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))

  const bare = inRoot("bench", "reference", "bare-server.mjs")
  const bundled = join(folder, "bare-server.mjs")
  await build({
    entryPoints: [bare],
    outfile: bundled,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.11",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);"
    }
  })

  const env = {
    MCP_JSON_PATH: writeMcpJson(folder, {}),
    LMSTUDIO_BASE_URL: "http://127.0.0.1:9",
    LMS_BRIDGE_LMS_BINARY: "none"
  }
  const ours = executables.find(({ name }) => name === "lms-bridge-mcp")
  const server = { args: [inRoot(ours.file)], env }
  // the first start of a new build writes V8's code cache, a moment after a client has read the list of tools
  await toInitialized(server, async (started) => {
    await listTools(started)
    await sleep(3000)
  })
  return {
    ours: server,
    bare: { args: [bare], env: {} },
    bundled: { args: [bundled], env: {} }
  }
}
