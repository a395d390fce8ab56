// @effect-diagnostics nodeBuiltinImport:off -- the streams of this process
/**
 * The transport on this process's stdin and stdout. The SDK's own ignores an invalid line, and the client waits for an
 * answer that never comes.
 */
import { JsonLines, stringify } from "@lms-bridge/core/Json"
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server"
import type { Readable, Writable } from "node:stream"
import * as ClientMessage from "./ClientMessage.ts"

/** The maximum size of a message in bytes. */
const mostBytes = 64 * 1024 * 1024

export const make = (stdin: Readable = process.stdin, stdout: Writable = process.stdout): Transport => {
  const splitter = JsonLines.makeSplitter(
    mostBytes,
    (beginning) => void write(ClientMessage.tooLong(beginning, mostBytes))
  )
  // a promise, because the SDK's interface requires it
  const write = (message: JSONRPCMessage | ClientMessage.Answer) =>
    // @effect-diagnostics-next-line newPromise:off
    new Promise<void>((resolve) => {
      if (stdout.write(`${stringify(message)}\n`)) resolve()
      else stdout.once("drain", resolve)
    })
  const take = (line: string) => {
    if (line.trim() === "") return
    for (const reading of ClientMessage.parse(line)) {
      if (reading._tag === "Message") transport.onmessage?.(reading.message)
      else if (reading._tag === "Answer") void write(reading.answer)
      else transport.onerror?.(new TypeError(reading.detail))
    }
  }
  const onData = (chunk: Uint8Array) => splitter.push(chunk).forEach(take)
  const onError = (error: Error) => transport.onerror?.(error)
  const transport: Transport = {
    start: () => {
      stdin.on("data", onData).on("error", onError)
      return Promise.resolve()
    },
    send: write,
    close: () => {
      stdin.off("data", onData).off("error", onError)
      if (stdin.listenerCount("data") === 0) stdin.pause()
      transport.onclose?.()
      return Promise.resolve()
    }
  }
  return transport
}
