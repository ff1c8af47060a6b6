"""Makes the wheel of nightjar_packet. The build of Nightjar puts the shared library beside the package."""
from setuptools import setup
from setuptools.dist import Distribution
from wheel.bdist_wheel import bdist_wheel


class WithLibrary(Distribution):
    def has_ext_modules(self):
        return True     # the wheel holds machine code, so it is for one platform


class AnyPython(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]      # the code does not use Python's own interface


setup(name="nightjar-packet", version="0.1.0", description="Sphinx packets and reply blocks in Nightjar's format",
      python_requires=">=3.9", packages=["nightjar_packet"],
      package_data={"nightjar_packet": ["libnightjar-packet.so"]},
      distclass=WithLibrary, cmdclass={"bdist_wheel": AnyPython})
