/**
 * What the server says of itself: its names, its version, which a test holds to the package's, and what the assistant at
 * the other end is told about it as a whole.
 */
export const name = "lms-bridge"
export const title = "lms-bridge: local models with your MCP servers"
export const version = "0.1.0"

/** A bridge. Tools have none: forty pictures in `tools/list` would weigh more than all that is said there. */
export const icon =
  "data:image/svg+xml;base64,PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcnIHZpZXdCb3g9JzAgMCAxNiAxNic+PHBhdGggZmlsbD0nbm9uZScgc3Ryb2tlPScjNzc3JyBzdHJva2Utd2lkdGg9JzEuNScgZD0nTTEgMTFoMTRNMSAxMXE3LTEwIDE0IDBNNC41IDh2M004IDZ2NU0xMS41IDh2MycvPjwvc3ZnPg=="

export const instructions = `lms-bridge hands work to a language model on the user's own machine (LM Studio), which may use the tools of the user's MCP servers.
Delegate when reading or trying out much is needed for a short answer, when the data should not leave the machine, or when the user asks for the local model. Do small or delicate things yourself.
The local model sees nothing but the task: write into it the goal, absolute paths, and the form of the answer. Check what comes back.
Where a tool takes a model, it is a key of list_models; left out, it is the configured or a loaded one.
list_available_mcps names the servers, autonomous_with_mcp delegates with one of them, run_start does so for work of many minutes.`
