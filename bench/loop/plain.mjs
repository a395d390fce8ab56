// The reference: fetch, the SDK's client, and a loop. Its requests are identical to those of the agent loop.
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { systemMessage } from "../../packages/core/src/agent/run/SystemMessage.ts"
import { sampler } from "./sampler.mjs"

const client = new Client({ name: "bench", version: "1.0.0" })
await client.connect(
  new StdioClientTransport({
    command: process.execPath,
    args: [process.env.LMS_BRIDGE_BENCH_SERVER],
    stderr: "ignore"
  })
)
const { tools } = await client.listTools()
const offered = tools
  .filter((tool) => tool.name === "echo")
  .map(({ name, description, inputSchema }) => ({
    type: "function",
    function: { name, description, parameters: inputSchema }
  }))

const baseUrl = process.env.LMSTUDIO_BASE_URL
const model = process.env.LMS_BRIDGE_BENCH_MODEL

const system = systemMessage({}, { tools: true })

/** Assembles one streamed reply. */
const ask = async (messages) => {
  const response = await fetch(`${baseUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages, tools: offered, stream: true, stream_options: { include_usage: true } })
  })
  const reply = { content: "", calls: [], usage: undefined }
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of response.body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop()
    for (const line of lines) {
      if (!line.startsWith("data: ") || line.startsWith("data: [DONE]")) continue
      const chunk = JSON.parse(line.slice(6))
      reply.usage = chunk.usage ?? reply.usage
      const delta = chunk.choices[0]?.delta ?? {}
      reply.content += delta.content ?? ""
      for (const part of delta.tool_calls ?? []) {
        const call = (reply.calls[part.index] ??= { id: "", name: "", arguments: "" })
        call.id ||= part.id ?? ""
        call.name ||= part.function?.name ?? ""
        call.arguments += part.function?.arguments ?? ""
      }
    }
  }
  return reply
}

const runOnce = async () => {
  const messages = [
    { role: "system", content: system },
    { role: "user", content: "Say every step after me." }
  ]
  let toolCalls = 0
  const sample = sampler()
  for (;;) {
    sample.step()
    const { calls, content } = await ask(messages)
    if (calls.length === 0) return { ...sample.end(), toolCalls }
    messages.push({
      role: "assistant",
      content,
      tool_calls: calls.map(({ id, name, arguments: text }) => ({
        id,
        type: "function",
        function: { name, arguments: text }
      }))
    })
    for (const call of calls) {
      const result = await client.callTool({ name: call.name, arguments: JSON.parse(call.arguments) })
      toolCalls += 1
      messages.push({ role: "tool", tool_call_id: call.id, content: result.content[0].text })
    }
  }
}

process.on("message", () => {
  runOnce().then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) })
  )
})
process.send({ ready: true })
