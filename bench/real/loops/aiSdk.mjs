// AI SDK with the middleware that reads calls out of the text.
import { connect } from "./servers.mjs"
import { answerOf, withSchema } from "./answer.mjs"

export const aiSdk = () => ({
  name: "AI SDK with parser",
  solve: async ({ baseUrl, entries, libraries, limits, model, schema, signal, text }) => {
    const { dynamicTool, generateText, jsonSchema, stepCountIs, wrapLanguageModel, ...rest } = await libraries("ai")
    const { createOpenAICompatible } = await libraries("@ai-sdk/openai-compatible")
    const { hermesToolMiddleware } = await libraries("@ai-sdk-tool/parser")
    const stop = stepCountIs ?? rest.isStepCount
    const { close, tools } = await connect(entries)
    let calls = 0
    let refused = 0
    try {
      const provider = createOpenAICompatible({ name: "engine", baseURL: `${baseUrl}/v1` })
      const result = await generateText({
        model: wrapLanguageModel({ model: provider(model), middleware: hermesToolMiddleware }),
        prompt: withSchema(text, schema),
        temperature: 0,
        maxRetries: 0,
        abortSignal: signal,
        stopWhen: stop(limits.rounds),
        tools: Object.fromEntries(
          tools.map(({ call, description, inputSchema, name }) => [
            name,
            dynamicTool({
              description,
              inputSchema: jsonSchema(inputSchema),
              execute: async (input) => {
                calls++
                return (await call(input)).text
              }
            })
          ])
        )
      })
      for (const { content } of result.steps) refused += content.filter(({ type }) => type === "tool-error").length
      const ended = result.finishReason === "tool-calls" ? "rounds" : "done"
      return { status: ended, ...answerOf(result.text, schema), rounds: result.steps.length, calls, refused }
    } finally {
      await close()
    }
  }
})
