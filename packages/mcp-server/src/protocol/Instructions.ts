/**
 * What the assistant at the other end is told about this server as a whole.
 */
export const instructions = `lms-bridge hands work to a language model on the user's own machine (LM Studio), which may use the tools of the user's MCP servers.
Delegate when reading or trying out much is needed for a short answer, when the data should not leave the machine, or when the user asks for the local model. Do small or delicate things yourself.
The local model sees nothing but the task: write into it the goal, absolute paths, and the form of the answer. Check what comes back.
Where a tool takes a model, it is a key of list_models; left out, it is the configured or a loaded one.
list_available_mcps names the servers, autonomous_with_mcp delegates with one of them, run_start does so for work of many minutes.`
