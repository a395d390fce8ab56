/**
 * The languages of `lms` (contract J): in any language but English, its sentences cannot be recognised by their text.
 */

/** A line of the logger in that language. Without a translation it stays English, as in `lms` itself. */
export const said = (line: string, language: string): string =>
  language.startsWith("zh") ? chinese.reduce((text, [english, other]) => text.replace(english, other), line) : line

const chinese: ReadonlyArray<readonly [RegExp | string, string]> = [
  [/Model loading was stopped due to insufficient system resources\..*$/s, "由于系统资源不足，模型加载已停止。"],
  [/Model not found/i, "未找到模型"],
  [/No model found that matches model key "([^"]*)"\./, '没有与模型键 "$1" 匹配的模型。'],
  [/Model loaded successfully in/, "模型加载成功，用时"],
  ["To use the model in the API/SDK, use the identifier", "要在 API/SDK 中使用该模型，请使用标识符"],
  [/Cannot find a model with the identifier "([^"]*)"/, '找不到标识符为 "$1" 的模型'],
  ["The server is not running.", "服务器未运行。"],
  ["Estimate: This model may be loaded based on your resource guardrails settings.", "估计：可以加载此模型。"],
  ["Estimate: This model will fail to load based on your resource guardrails settings.", "估计：此模型将无法加载。"]
]
