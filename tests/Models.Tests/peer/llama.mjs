// Greedy ids by llama.cpp. Reads a JSON list of {model, adapter, prompt, count, text} from the file named first and prints a JSON list of
// {ids, logprobs, text, error}: ids and their log-probabilities behind the prompt, and the ids of the text where one is given.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const require = createRequire(process.argv[3] + "/package.json");
const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")).href);
const llama = await getLlama({build: "never", gpu: false, logLevel: "error", skipDownload: true, maxThreads: 2});

async function run(request) {
    const model = await llama.loadModel({modelPath: request.model, gpuLayers: 0, useMmap: false});
    const context = await model.createContext({
        contextSize: request.prompt.length + request.count + 8, threads: 2, flashAttention: false,
        experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32",
        lora: request.adapter ? {adapters: [{filePath: request.adapter, scale: 1}]} : undefined
    });
    const sequence = context.getSequence();
    const ids = [], logprobs = [];
    for await (const {token, confidence} of sequence.evaluateWithMetadata(request.prompt, {confidence: true}, {temperature: 0, yieldEogToken: true})) {
        ids.push(token);
        logprobs.push(Math.log(confidence));
        if (ids.length >= request.count)
            break;
    }
    const text = request.text ? Array.from(model.tokenize(request.text, false)) : null;
    await context.dispose();
    await model.dispose();
    return {ids, logprobs, text, error: null};
}

const results = [];
for (const request of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
    try {
        results.push(await run(request));
    } catch (error) {
        results.push({ids: [], logprobs: [], text: null, error: String(error?.stack ?? error)});
    }
}
console.log("RESULT " + JSON.stringify(results));
process.exit(0);
