import subprocess
import sys


def test_importing_needs_numpy_alone():
    """What the extras bring is imported where it is used."""
    code = "import sys, rnnfast; print({'rich', 'safetensors', 'scipy', 'matplotlib', 'pooch'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
