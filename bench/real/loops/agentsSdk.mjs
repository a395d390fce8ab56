// OpenAI Agents SDK over the engine's chat completions.
import { connect } from "./servers.mjs"
import { answerOf, withSchema } from "./answer.mjs"

export const agentsSdk = () => ({
  name: "OpenAI Agents SDK",
  solve: async ({ baseUrl, entries, libraries, limits, model, schema, signal, text }) => {
    const { Agent, OpenAIChatCompletionsModel, run, setTracingDisabled, tool } = await libraries("@openai/agents")
    const { default: OpenAI } = await libraries("openai")
    setTracingDisabled(true)
    const { close, tools } = await connect(entries)
    let calls = 0
    try {
      const client = new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey: "none", maxRetries: 0 })
      const agent = new Agent({
        name: "worker",
        model: new OpenAIChatCompletionsModel(client, model),
        modelSettings: { temperature: 0 },
        tools: tools.map(({ call, description, inputSchema, name }) =>
          tool({
            name,
            description,
            strict: false,
            parameters: { properties: {}, required: [], ...inputSchema, additionalProperties: true },
            execute: async (input) => {
              calls++
              return (await call(input)).text
            }
          })
        )
      })
      const result = await run(agent, withSchema(text, schema), { maxTurns: limits.rounds, signal })
      return {
        status: "done",
        ...answerOf(String(result.finalOutput ?? ""), schema),
        rounds: result.rawResponses.length,
        calls,
        refused: 0
      }
    } catch (error) {
      if (signal.aborted) throw error
      return {
        status: /max turns/i.test(error.message) ? "rounds" : `error: ${error.message.slice(0, 200)}`,
        answer: "",
        rounds: 0,
        calls,
        refused: 0
      }
    } finally {
      await close()
    }
  }
})
