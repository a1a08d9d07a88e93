"""All that a worker has to do with glTF's JavaScript: its set-up, what steps are told of it, and the validator's process."""

from config.settings import Settings
from workers.gltf_checker import NodeChecker
from workers.gltf_tools import ToolsKeeper


class GltfDesk:
    """The tools and the checker of one worker. Nothing is started before `start`, or the checker's first question."""

    def __init__(self, settings: Settings) -> None:
        self.tools = ToolsKeeper(settings)
        self.checker = NodeChecker(self.tools.tools, scratch=settings.scratch_path)

    def start(self) -> None:
        """Install what is missing, in the background."""
        self.tools.start()

    def close(self) -> None:
        """End processes and threads."""
        self.tools.close()
        self.checker.close()
