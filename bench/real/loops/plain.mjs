// The loop that everybody writes first: fetch, the SDK's MCP client, and calls as long as the model makes them.
import { connect } from "./servers.mjs"
import { answerOf } from "./answer.mjs"

export const plain = () => ({
  name: "plain loop",
  solve: async ({ baseUrl, entries, limits, model, schema, signal, text }) => {
    const { close, tools } = await connect(entries)
    try {
      const messages = [{ role: "user", content: text }]
      let calls = 0
      let refused = 0
      for (let rounds = 1; rounds <= limits.rounds; rounds++) {
        const response = await fetch(`${baseUrl}/v1/chat/completions`, {
          method: "POST",
          signal,
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            model,
            messages,
            temperature: 0,
            tools: tools.map(({ description, inputSchema, name }) => ({
              type: "function",
              function: { name, description, parameters: inputSchema }
            }))
          })
        })
        const body = await response.json()
        if (!response.ok)
          return {
            status: `HTTP ${response.status}: ${JSON.stringify(body).slice(0, 200)}`,
            answer: "",
            rounds,
            calls,
            refused
          }
        const { message } = body.choices[0]
        messages.push(message)
        if ((message.tool_calls ?? []).length === 0) {
          return { status: "done", ...answerOf(message.content ?? "", schema), rounds, calls, refused }
        }
        for (const call of message.tool_calls) {
          const tool = tools.find(({ name }) => name === call.function.name)
          let result = { text: `Error: there is no tool ${call.function.name}`, isError: true }
          try {
            if (tool !== undefined) result = await tool.call(JSON.parse(call.function.arguments || "{}"))
          } catch (error) {
            result = { text: `Error: ${error.message}`, isError: true }
          }
          calls++
          if (tool === undefined) refused++
          messages.push({ role: "tool", tool_call_id: call.id, content: result.text })
        }
      }
      return { status: "rounds", answer: "", rounds: limits.rounds, calls, refused }
    } finally {
      await close()
    }
  }
})
