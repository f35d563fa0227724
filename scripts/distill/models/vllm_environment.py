"""Environment variables under which this project runs vLLM; what is set already stays."""

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # A forked child would keep our stdout open after our death.
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    # On a CPU: GiB of the cache of keys and values, whose default is most of the machine's memory; and no thread is bound to a core, since
    # all workers would take the same ones.
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
