## Receives Omote's portrait and face by WebSocket, from the address that `omote live` prints after OBS.
class_name Omote
extends Node

## The portrait, when its texture is made or has become another one; its pixels change without a signal.
signal picture_changed(texture: ImageTexture)
## Each face, with the fields that docs/control-page.md lists under /faces.
signal face_changed(face: Dictionary)

const HEADER_BYTES := 32
const MAGIC := 0x31504d4f # "OMP1", little-endian
const RETRY_S := 0.5
const BUFFER_BYTES := 1 << 23 # holds a picture of 1024x1024
const SIDES: Array[String] = ["Left", "Right"]

@export var address := "http://127.0.0.1:8765/clean?token="
@export var portrait_material: StandardMaterial3D
@export var head: MeshInstance3D
@export var skeleton: Skeleton3D
@export var head_bone := "Head"

var texture: ImageTexture
var _sockets := {} # path: WebSocketPeer
var _wait_s := {} # path: seconds until the next try
var _asked := {} # path: whether a "next" is on its way
var _shapes := {} # blend shape: index of its weight


func _ready() -> void:
	for path: String in ["/pictures", "/faces"]:
		_open(path)
	if head and head.mesh:
		for i in head.mesh.get_blend_shape_count():
			var weight := arkit_names().find(_plain_name(head.mesh.get_blend_shape_name(i)))
			if weight >= 0:
				_shapes[i] = weight


func _process(delta: float) -> void:
	for path: String in _sockets:
		var socket: WebSocketPeer = _sockets[path]
		socket.poll()
		match socket.get_ready_state():
			WebSocketPeer.STATE_OPEN:
				_receive(path, socket)
			WebSocketPeer.STATE_CLOSED:
				_wait_s[path] -= delta
				if _wait_s[path] <= 0.0:
					_open(path)


## ARKit's 52 weights in the order of the wire, in lower case.
static func arkit_names() -> PackedStringArray:
	var names := PackedStringArray()
	for side in SIDES:
		for part: String in ["Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide"]:
			names.append("eye" + part + side)
	names.append_array(["jawForward", "jawLeft", "jawRight", "jawOpen"])
	names.append_array(["mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight"])
	names.append_array(_both(["mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"]))
	names.append_array(["mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"])
	names.append_array(_both(["mouthPress", "mouthLowerDown", "mouthUpperUp", "browDown"]))
	names.append("browInnerUp")
	names.append_array(_both(["browOuterUp"]))
	names.append("cheekPuff")
	names.append_array(_both(["cheekSquint", "noseSneer"]))
	names.append("tongueOut")
	for i in names.size():
		names[i] = names[i].to_lower()
	return names


static func _both(names: Array[String]) -> PackedStringArray:
	var both := PackedStringArray()
	for one in names:
		for side in SIDES:
			both.append(one + side)
	return both


static func _plain_name(shape: String) -> String:
	var bare := shape.get_slice(".", shape.get_slice_count(".") - 1)
	var number := RegEx.create_from_string("^[A-Za-z]\\d+[_ ]")
	bare = number.sub(bare, "").replace("_", "").replace("-", "").replace(" ", "")
	if not arkit_names().has(bare.to_lower()):
		if bare.ends_with("L"):
			bare = bare.left(-1) + "Left"
		elif bare.ends_with("R"):
			bare = bare.left(-1) + "Right"
	return bare.to_lower()


func _open(path: String) -> void:
	var token := address.get_slice("token=", 1)
	var host := address.get_slice("://", 1).get_slice("/", 0)
	var socket := WebSocketPeer.new()
	socket.inbound_buffer_size = BUFFER_BYTES
	var error := socket.connect_to_url("ws://%s%s?token=%s" % [host, path, token])
	if error != OK:
		push_warning("Omote: %s cannot be opened: %s" % [path, error_string(error)])
	_sockets[path] = socket
	_wait_s[path] = RETRY_S
	_asked[path] = false


func _receive(path: String, socket: WebSocketPeer) -> void:
	while socket.get_available_packet_count() > 0:
		var packet := socket.get_packet()
		_asked[path] = false
		if path == "/pictures":
			_show(packet)
		else:
			_follow(packet.get_string_from_utf8())
	if not _asked[path]: # the newest is sent for each request, so nothing queues
		socket.send_text("next")
		_asked[path] = true


func _show(packet: PackedByteArray) -> void:
	if packet.size() < HEADER_BYTES or packet.decode_u32(0) != MAGIC:
		push_warning("Omote: this is no picture")
		return
	var width := packet.decode_u16(4)
	var height := packet.decode_u16(6)
	if packet.size() != HEADER_BYTES + 4 * width * height:
		push_warning("Omote: a picture of %dx%d has another size" % [width, height])
		return
	var image := Image.create_from_data(width, height, false, Image.FORMAT_RGBA8, packet.slice(HEADER_BYTES))
	if texture and Vector2i(texture.get_size()) == Vector2i(width, height):
		texture.update(image)
		return
	texture = ImageTexture.create_from_image(image)
	if portrait_material:
		portrait_material.albedo_texture = texture
	picture_changed.emit(texture)


func _follow(text: String) -> void:
	var face: Variant = JSON.parse_string(text)
	if not face is Dictionary:
		return
	if head:
		for shape: int in _shapes:
			head.set_blend_shape_value(shape, face["shown_weights"][_shapes[shape]])
	if skeleton:
		var bone := skeleton.find_bone(head_bone)
		if bone >= 0:
			skeleton.set_bone_pose_rotation(bone, _turned(bone, face["neck_pose"]))
	face_changed.emit(face)


## The rest of the bone, turned by a rotation vector about the axes of the skeleton, whose character looks along +z.
func _turned(bone: int, radians: Array) -> Quaternion:
	var axis := Vector3(radians[0], radians[1], radians[2])
	var turn := Quaternion(axis.normalized(), axis.length()) if axis.length() > 1e-6 else Quaternion.IDENTITY
	var parent := skeleton.get_bone_parent(bone)
	var frame := Quaternion.IDENTITY
	if parent >= 0:
		frame = skeleton.get_bone_global_rest(parent).basis.get_rotation_quaternion()
	var rest := skeleton.get_bone_rest(bone).basis.get_rotation_quaternion()
	return frame.inverse() * turn * frame * rest
