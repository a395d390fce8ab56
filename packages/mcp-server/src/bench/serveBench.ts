/**
 * Serves the tools of the bench on this process's stdin and stdout, for the files of one folder, until the client leaves.
 */
import { Server } from "@modelcontextprotocol/server"
import { serveStdio } from "@modelcontextprotocol/server/stdio"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as About from "../About.ts"
import { hungUp } from "../hungUp.ts"
import * as Stdio from "../wire/StdioTransport.ts"
import * as BenchTools from "./BenchTools.ts"

export const serveBench = Effect.fn("serveBench")(function* (folder: string) {
  const run = yield* FiberSet.makeRuntimePromise<FileSystem.FileSystem | Path.Path>()
  const instance = () => {
    const server = new Server(
      { name: "lms-bridge-bench", version: About.version },
      { capabilities: { tools: { listChanged: false } } }
    )
    server.setRequestHandler("tools/list", () => ({
      tools: BenchTools.tools.map((tool) => ({
        name: tool.name,
        description: tool.description,
        inputSchema: BenchTools.inputSchema(tool),
        annotations: { readOnlyHint: !tool.changes, destructiveHint: tool.changes, openWorldHint: false }
      }))
    }))
    server.setRequestHandler("tools/call", ({ params }) =>
      run(
        BenchTools.call(params.name, params.arguments ?? {}, folder).pipe(
          Effect.map((text) => ({ text, isError: false })),
          Effect.catchAll(({ message }) => Effect.succeed({ text: message, isError: true })),
          Effect.map(({ isError, text }) => ({ content: [{ type: "text" as const, text }], isError }))
        )
      )
    )
    return server
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => serveStdio(instance, { transport: Stdio.make() })),
    (server) => Effect.promise(() => server.close())
  )
  yield* hungUp
}, Effect.scoped)
