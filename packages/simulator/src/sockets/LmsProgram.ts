/**
 * The text of the `lms` executable: one file of plain Node that asks the simulator what to print and how to end.
 * Without the simulator it behaves like `lms` when LM Studio is neither running nor installed.
 */

/** `port` is the port of the simulator's control channel. */
export const source = (nodePath: string, port: number): string => `#!${interpreter(nodePath)}
"use strict"
const net = require("node:net")
const argv = process.argv.slice(2)
// The reader of the output may have gone; the work continues.
process.stdout.on("error", () => {})
process.stderr.on("error", () => {})
const send = (message) => socket.writable && socket.write(JSON.stringify(message) + "\\n")
const finish = (code) => {
  process.exitCode = code
  process.stdin.pause()
  if (process.stdin.unref) process.stdin.unref()
  socket.destroy()
}
const handlers = new Map()
const on = (signal, handler) => {
  const before = handlers.get(signal)
  if (before) process.removeListener(signal, before)
  handlers.set(signal, handler)
  process.on(signal, handler)
}
const alone = () => {
  const line = argv.join(" ")
  const json = argv.includes("--json")
  if (argv.includes("-v") || argv.includes("--version")) return process.stdout.write("CLI commit: 07b7252\\n"), 0
  if (line.startsWith("version")) return process.stdout.write(json ? '{"version":"07b7252"}\\n' : "CLI commit: 07b7252\\n"), 0
  if (line.startsWith("server status")) {
    if (json) process.stdout.write('{"running":false}\\n')
    else process.stderr.write("The server is not running.\\n")
    return 0
  }
  if (line.startsWith("server stop")) return process.stderr.write("Error: The server is not running.\\n"), 1
  if (line.startsWith("daemon status")) {
    process.stdout.write(json ? '{"status":"not-running"}\\n' : "LM Studio is not running\\n")
    return 0
  }
  if (line.startsWith("daemon down")) return process.stderr.write("Daemon is not running.\\n"), 1
  if (line === "status") return process.stdout.write("Server:  OFF \\n"), 0
  process.stderr.write(
    "Error: LM Studio daemon is not running and no valid installation could be found or installed.\\n" +
      "Error: Failed to start or connect to local LM Studio API server.\\n"
  )
  return 1
}
let connected = false
let ended = false
let pending = ""
const socket = net.connect(${port}, "127.0.0.1", () => {
  connected = true
  send({ argv, language: process.env.LMS_LANG })
})
socket.setEncoding("utf8")
socket.on("error", () => {
  if (!connected) process.exitCode = alone()
  else if (!ended) {
    process.stderr.write("Error: The connection to LM Studio was lost.\\n")
    process.exitCode = 1
  }
})
socket.on("close", () => {
  if (connected && !ended) {
    process.stderr.write("Error: The connection to LM Studio was lost.\\n")
    process.exitCode = 1
  }
  process.stdin.pause()
  if (process.stdin.unref) process.stdin.unref()
})
socket.on("data", (text) => {
  const lines = (pending + text).split("\\n")
  pending = lines.pop()
  for (const line of lines) {
    const message = JSON.parse(line)
    if (message.out !== undefined) process.stdout.write(message.out)
    if (message.err !== undefined) process.stderr.write(message.err)
    if (message.stdin === true) {
      process.stdin.setEncoding("utf8")
      let rest = ""
      process.stdin.on("data", (chunk) => {
        const parts = (rest + chunk).split("\\n")
        rest = parts.pop()
        for (const part of parts) send({ line: part })
      })
      process.stdin.on("end", () => send({ end: true }))
      process.stdin.on("error", () => send({ end: true }))
    }
    for (const signal of message.handle || []) on(signal, () => send({ signal }))
    if (message.ignore === true) for (const signal of ["SIGINT", "SIGTERM"]) on(signal, () => {})
    if (message.exit !== undefined) {
      ended = true
      finish(message.exit)
    }
  }
})
`

// A shebang line cannot contain blanks in the path, and is cut at 127 characters on older systems.
const interpreter = (nodePath: string): string =>
  /\s/.test(nodePath) || nodePath.length > 120 ? "/usr/bin/env node" : nodePath
